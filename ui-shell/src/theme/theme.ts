import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";
import type { MouseEvent } from "react";

const accent: MantineColorsTuple = [
  "#eefaf7",
  "#d5f2ec",
  "#a9e4d9",
  "#79d5c5",
  "#4cc3b0",
  "#27aa97",
  "#14877a",
  "#0f766e",
  "#0c5f59",
  "#094843",
];
const red: MantineColorsTuple = [
  "#fdf0ee",
  "#fadcd8",
  "#f5b8b0",
  "#ef8f84",
  "#e8675a",
  "#df4a3c",
  "#cf3527",
  "#b42318",
  "#941b12",
  "#73150e",
];
const dark: MantineColorsTuple = [
  "#eceef0",
  "#b6bec6",
  "#97a0a9",
  "#6b747d",
  "#30363c",
  "#23282d",
  "#1b1f23",
  "#131619",
  "#0e1012",
  "#090b0c",
];

const TONES: { [color: string]: string } = {
  red: "danger",
  yellow: "warning",
  orange: "warning",
  green: "success",
};

export const theme = createTheme({
  primaryColor: "accent",
  primaryShade: { light: 7, dark: 7 },
  colors: { accent, dark, red },
  black: "#16191d",
  fontFamily:
    'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SFMono-Regular", "JetBrains Mono", Menlo, "Liberation Mono", monospace',
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "20px" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "20px", lineHeight: "28px" },
      h2: { fontSize: "16px", lineHeight: "24px" },
      h3: { fontSize: "14px", lineHeight: "20px" },
    },
  },
  defaultRadius: 6,
  focusRing: "auto",
  respectReducedMotion: true,
  components: {
    // Mantine's own shades are too loud in the dark theme.
    Alert: {
      vars: (_: unknown, { color }: { color?: string }) => {
        const tone = TONES[color ?? ""] ?? "info";
        return {
          root: {
            "--alert-bg": `var(--${tone}-surface)`,
            "--alert-color": `var(--${tone}-text)`,
            "--alert-bd": "1px solid var(--line)",
          },
        };
      },
      styles: { message: { color: "var(--text)" } },
    },
    Badge: { defaultProps: { tt: "none", fw: 500 } },
    Button: { defaultProps: { size: "sm" } },
    Input: {
      vars: (_: unknown, { error }: { error?: unknown }) => ({
        wrapper: {
          "--input-bd": error ? "var(--danger-text)" : "var(--line-strong)",
          "--input-fz": "14px",
        },
      }),
    },
    Menu: { defaultProps: { shadow: "md", radius: 8, transitionProps: { duration: 120 } } },
    Modal: {
      defaultProps: { radius: 10, centered: true, transitionProps: { duration: 140 } },
      styles: { title: { fontWeight: 600, fontSize: 16 } },
    },
    // Typing into a select replaces what is chosen, as in the browser's own lists.
    Select: {
      defaultProps: {
        selectFirstOptionOnChange: true,
        onClick: (event: MouseEvent<HTMLInputElement>) => event.currentTarget.select(),
      },
    },
    Tooltip: { defaultProps: { openDelay: 400, withArrow: false } },
  },
});

/** Mantine's own variables point at the tokens of `tokens.css`, so there is one palette. */
export const variables: CSSVariablesResolver = () => {
  const shared = {
    "--mantine-color-body": "var(--surface)",
    "--mantine-color-text": "var(--text)",
    "--mantine-color-dimmed": "var(--text-soft)",
    "--mantine-color-default": "var(--surface)",
    "--mantine-color-default-hover": "var(--surface-hover)",
    "--mantine-color-default-color": "var(--text)",
    "--mantine-color-default-border": "var(--line)",
    "--mantine-color-placeholder": "var(--text-faint)",
    "--mantine-color-anchor": "var(--accent-text)",
    "--mantine-color-error": "var(--danger-text)",
  };
  return { variables: {}, light: shared, dark: shared };
};
