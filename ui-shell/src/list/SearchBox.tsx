import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { Search } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useText } from "../i18n";
import styles from "./List.module.css";

const PAUSE_MS = 300;

type Props = { value: string; onSearch: (text: string) => void };

/** Searches while one types, once there is a pause; Enter does not wait for it. */
export function SearchBox({ value, onSearch }: Props) {
  const t = useText();
  const [text, setText] = useState(value);
  const asked = useRef(value);
  const search = (typed: string) => {
    later.cancel();
    if (typed.trim() === asked.current) return;
    asked.current = typed.trim();
    onSearch(asked.current);
  };
  const later = useDebouncedCallback(search, PAUSE_MS);
  // What was asked here comes back as the value; only another one is put in its place,
  // for somebody may be typing on.
  useEffect(() => {
    if (value === asked.current) return;
    asked.current = value;
    setText(value);
  }, [value]);
  return (
    <form
      className={styles.wide}
      onSubmit={(event) => {
        event.preventDefault();
        search(text);
      }}
    >
      <TextInput
        type="search"
        data-list-search
        aria-label={t("list.search")}
        placeholder={t("list.search")}
        leftSection={<Search size={16} />}
        value={text}
        onChange={({ currentTarget: { value: typed } }) => {
          setText(typed);
          later(typed);
        }}
      />
    </form>
  );
}
