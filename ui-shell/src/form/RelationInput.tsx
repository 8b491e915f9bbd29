import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { listQuery } from "../api/queries";
import { sourceOfTarget } from "../api/source";
import { titleFieldOf, titleOf, useTitle } from "../api/useTitle";
import { useText } from "../i18n";
import type { InputProps } from "./Field";
import { nameOf } from "./values";

/** Chooses a record of another entity by its title; the server searches. */
export function RelationInput(props: InputProps) {
  const { id: inputId, element, value, invalid, describedBy, onChange } = props;
  const { options = {} } = element;
  const t = useText();
  const [text, setText] = useState("");
  const input = useRef<HTMLInputElement>(null);
  // Mantine's inputs overwrite this attribute with that of their own wrapper.
  useEffect(() => {
    if (describedBy) input.current?.setAttribute("aria-describedby", describedBy);
    else input.current?.removeAttribute("aria-describedby");
  }, [describedBy]);
  const [search] = useDebouncedValue(text, 200);
  const source = sourceOfTarget(String(options.target ?? ""));
  const titleField = titleFieldOf(options);
  const id = typeof value === "string" ? value : "";
  const { text: title } = useTitle(options, id);
  // What stands there until something is typed is no search.
  const wanted = search === title || search === t("common.loading") ? "" : search;
  const found = useQuery(listQuery(source, { search: wanted || undefined, limit: 50 }));
  const data = (found.data?.data ?? []).map((record) => ({
    value: record.id,
    label: titleOf(record, titleField),
  }));
  if (id && !data.some((item) => item.value === id)) data.unshift({ value: id, label: title });
  return (
    <Select
      id={inputId}
      name={nameOf(element)}
      // The name goes to a hidden input, which cannot take the focus.
      data-field={nameOf(element)}
      error={invalid}
      ref={input}
      searchable
      clearable
      placeholder={t("form.choose")}
      data={data}
      filter={({ options: all }) => all}
      value={id || null}
      onChange={onChange}
      onSearchChange={setText}
    />
  );
}
