import { Textarea } from "@mantine/core";
import { useState } from "react";
import type { InputProps } from "./FieldInput";

/** Any JSON value as text; what does not parse is said and not taken over. */
export function JsonInput({
  common,
  value,
  onChange,
  hideLabel = false,
}: InputProps & { hideLabel?: boolean }) {
  const [text, setText] = useState(value === null ? "" : JSON.stringify(value, null, 2));
  const [wrong, setWrong] = useState<string | undefined>();
  const take = (typed: string) => {
    setText(typed);
    try {
      onChange(typed.trim() ? JSON.parse(typed) : null);
      setWrong(undefined);
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <Textarea
      {...common}
      label={hideLabel ? undefined : common.label}
      aria-label={hideLabel ? common.label : undefined}
      autosize
      minRows={2}
      maxRows={16}
      ff="monospace"
      spellCheck={false}
      error={wrong ?? common.error}
      value={text}
      onChange={(event) => take(event.currentTarget.value)}
    />
  );
}
