import { NativeSelect, TagsInput, TextInput } from "@mantine/core";
import type { Json } from "../api/types";
import { useText, wordsOf } from "../i18n";

type Props = {
  type: string;
  choices: Json;
  description: string | undefined;
  value: Json;
  set: (value: Json) => void;
};

const WHOLE = new Set(["integer", "rate", "bytes", "money"]);
const LISTS = new Set(["tags", "multi_choice"]);

/** Whether a default of this type can be entered without knowing JSON. */
export const hasPlainDefault = (type: string, value: Json): boolean =>
  LISTS.has(type) ||
  (!["json", "lines", "geo_point"].includes(type) && (value === null || typeof value !== "object"));

/** The default of a field, entered as the values of its type are. */
export function DefaultOption({ type, choices, description, value, set }: Props) {
  const t = useText();
  const shared = { label: wordsOf("default"), description, size: "xs" } as const;
  const words = (Array.isArray(choices) ? choices : []).map((item) =>
    String(typeof item === "object" && item !== null && !Array.isArray(item) ? item.value : item),
  );
  if (LISTS.has(type)) {
    const list = Array.isArray(value) ? value.map(String) : [];
    return (
      <TagsInput
        {...shared}
        data={words}
        value={list}
        onChange={(next) => set(next.length ? next : null)}
      />
    );
  }
  if (type === "choice" || type === "boolean") {
    const data =
      type === "choice"
        ? words.map((word) => ({ value: word, label: word }))
        : [
            { value: "true", label: t("common.yes") },
            { value: "false", label: t("common.no") },
          ];
    return (
      <NativeSelect
        {...shared}
        data={[{ value: "", label: t("form.none") }, ...data]}
        value={value === null ? "" : String(value)}
        onChange={({ currentTarget: { value: next } }) =>
          set(next === "" ? null : type === "boolean" ? next === "true" : next)
        }
      />
    );
  }
  return (
    <TextInput
      {...shared}
      value={value === null ? "" : String(value)}
      onChange={({ currentTarget: { value: typed } }) =>
        set(typed === "" ? null : WHOLE.has(type) && /^-?\d{1,15}$/.test(typed) ? Number(typed) : typed)
      }
    />
  );
}
