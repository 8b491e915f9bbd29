import { useEffect } from "react";

const TYPING = "input:not([type=checkbox]), textarea, select, [contenteditable], [role=dialog] *";

/** `j`/`k` and the arrows walk the rows, `/` goes to the search, `n` makes a record. */
export function useListKeys({ onNew }: { onNew: (() => void) | undefined }): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const target = event.target instanceof Element ? event.target : null;
      if (event.ctrlKey || event.metaKey || event.altKey || target?.closest(TYPING)) return;
      if (event.key === "/") {
        event.preventDefault();
        document.querySelector<HTMLElement>("[data-list-search]")?.focus();
      } else if (event.key === "n" && onNew) {
        event.preventDefault();
        onNew();
      } else if (["j", "ArrowDown"].includes(event.key)) step(event, 1);
      else if (["k", "ArrowUp"].includes(event.key)) step(event, -1);
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [onNew]);
}

function step(event: KeyboardEvent, by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>("tr[data-row]")];
  const now = rows.findIndex((row) => row.contains(document.activeElement));
  // The arrows scroll the page until a row has the focus.
  if (now < 0 && event.key.startsWith("Arrow")) return;
  const next = rows[Math.max(0, Math.min(rows.length - 1, now + by))];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
