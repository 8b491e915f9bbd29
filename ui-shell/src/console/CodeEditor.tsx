import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import {
  bracketMatching,
  defaultHighlightStyle,
  foldGutter,
  HighlightStyle,
  syntaxHighlighting,
} from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import { cspNonce } from "../theme/nonce";
import type { Finding } from "./api";
import { spanOf } from "./pointer";

type Props = {
  label: string;
  value: unknown;
  findings: readonly Finding[];
  readOnly?: boolean;
  /** Called with what was typed, parsed; with an error while it is no JSON. */
  onChange?: (parsed: unknown, wrong: string | null) => void;
};

const frame = EditorView.theme({
  "&": { fontSize: "12.5px", height: "100%", background: "var(--mantine-color-body)" },
  "&.cm-focused": { outline: "2px solid var(--mantine-primary-color-filled)" },
  ".cm-content": { caretColor: "var(--mantine-color-text)", color: "var(--mantine-color-text)" },
  ".cm-gutters": {
    background: "var(--mantine-color-body)",
    color: "var(--mantine-color-dimmed)",
    border: "0",
  },
  ".cm-activeLine": { background: "var(--mantine-color-default-hover)" },
  ".cm-tooltip": {
    background: "var(--mantine-color-body)",
    color: "var(--mantine-color-text)",
    borderColor: "var(--mantine-color-default-border)",
  },
});
const dark = HighlightStyle.define(
  defaultHighlightStyle.specs.map((spec) => ({ ...spec, color: "#9cc5ff" })),
);

const textOf = (value: unknown): string => JSON.stringify(value, null, 2) ?? "";

/** JSON with its errors marked at their lines. Loaded apart: it is the heaviest part. */
export default function CodeEditor({ label, value, findings, readOnly = false, onChange }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorView | null>(null);
  const colours = useRef(new Compartment());
  const told = useRef<unknown>(value);
  const tell = useRef(onChange);
  const scheme = useComputedColorScheme("light");

  useEffect(() => {
    tell.current = onChange;
  });
  // The editor is made once; what changes later reaches it by the effects below.
  useEffect(() => {
    if (!host.current) return;
    const typed = EditorView.updateListener.of((update) => {
      const own = update.transactions.some((step) => step.isUserEvent("rangka"));
      if (!update.docChanged || own) return;
      const [broken] = jsonParseLinter()(update.view);
      if (broken) {
        queueMicrotask(() => mark(update.view, [broken]));
        tell.current?.(null, broken.message);
        return;
      }
      told.current = JSON.parse(update.state.doc.toString());
      tell.current?.(told.current, null);
    });
    const view = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: textOf(told.current),
        extensions: [
          EditorView.cspNonce.of(cspNonce()),
          lineNumbers(),
          foldGutter(),
          history(),
          bracketMatching(),
          highlightActiveLine(),
          lintGutter(),
          json(),
          keymap.of([...defaultKeymap, ...historyKeymap, ...lintKeymap, indentWithTab]),
          // The region scrolls: the keyboard has to reach it.
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          EditorState.readOnly.of(readOnly),
          colours.current.of([]),
          frame,
          typed,
        ],
      }),
    });
    editor.current = view;
    return () => view.destroy();
  }, [label, readOnly]);

  useEffect(() => {
    const style = scheme === "dark" ? dark : defaultHighlightStyle;
    const next = colours.current.reconfigure([
      EditorView.darkTheme.of(scheme === "dark"),
      syntaxHighlighting(style),
    ]);
    editor.current?.dispatch({ effects: next });
  }, [scheme]);

  useEffect(() => {
    const view = editor.current;
    if (!view || textOf(value) === textOf(told.current)) return;
    told.current = value;
    view.dispatch({
      changes: { from: 0, to: view.state.doc.length, insert: textOf(value) },
      userEvent: "rangka",
    });
  }, [value]);

  useEffect(() => {
    const view = editor.current;
    if (!view || jsonParseLinter()(view).length > 0) return;
    mark(
      view,
      findings.map((finding): Diagnostic => ({
        ...spanOf(view.state, finding.path),
        severity: finding.severity === "error" ? "error" : "warning",
        message: `${finding.message} ${finding.remedy ?? ""}`,
      })),
    );
  }, [findings]);

  return <div ref={host} style={{ height: "100%", overflow: "auto" }} />;
}

function mark(view: EditorView, diagnostics: Diagnostic[]): void {
  view.dispatch(setDiagnostics(view.state, diagnostics));
}
