import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { listQuery, recordQuery } from "../api/queries";
import { sourceOfTarget } from "../api/source";
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
  const titleField = String(options.title_field ?? "name");
  const id = typeof value === "string" ? value : "";
  const current = useQuery({ ...recordQuery(source, id), enabled: id !== "" });
  const title = current.data ? String(current.data.record[titleField] ?? id) : id;
  const wanted = search === title ? "" : search;
  const found = useQuery(listQuery(source, { search: wanted || undefined, limit: 50 }));
  const data = (found.data?.data ?? []).map((record) => ({
    value: record.id,
    label: String(record[titleField] ?? record.id),
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
