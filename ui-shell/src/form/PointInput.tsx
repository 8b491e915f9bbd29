import { Anchor, Group } from "@mantine/core";
import { useState } from "react";
import { useText } from "../i18n";
import { cellText } from "../list/format";
import type { InputProps } from "./Field";
import styles from "./Field.module.css";
import { nameOf } from "./values";

const POINT = { field: "", type: "geo_point" };

/** A place as latitude and longitude; the link opens it in a map of the user's choice. */
export function PointInput(props: InputProps) {
  const { id, element, value, readOnly, invalid, describedBy, onChange } = props;
  const t = useText();
  const point = value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
  const [typed, setTyped] = useState({ lat: text(point.lat), lng: text(point.lng) });
  const take = (part: "lat" | "lng", entry: string) => {
    const next = { ...typed, [part]: entry };
    setTyped(next);
    const { lat, lng } = next;
    onChange(lat.trim() || lng.trim() ? { lat: numberOf(lat), lng: numberOf(lng) } : null);
  };
  const complete = typeof point.lat === "number" && typeof point.lng === "number";
  const map = complete && (
    <Anchor
      size="sm"
      target="_blank"
      rel="noreferrer"
      href={`https://www.openstreetmap.org/?mlat=${String(point.lat)}&mlon=${String(point.lng)}#map=17/${String(point.lat)}/${String(point.lng)}`}
    >
      {t("form.openMap")}
    </Anchor>
  );
  if (readOnly) {
    return (
      <Group gap="sm">
        <output id={id} className={styles.fixed} data-field={nameOf(element)} tabIndex={-1}>
          {cellText(POINT, value) || "–"}
        </output>
        {map}
      </Group>
    );
  }
  return (
    <Group gap="sm" role="group">
      {(["lat", "lng"] as const).map((part) => (
        <input
          key={part}
          id={part === "lat" ? id : undefined}
          name={part === "lat" ? nameOf(element) : `${nameOf(element)}.lng`}
          aria-label={t(part === "lat" ? "form.lat" : "form.lng")}
          placeholder={t(part === "lat" ? "form.lat" : "form.lng")}
          aria-invalid={invalid || undefined}
          aria-describedby={describedBy}
          className={styles.input}
          inputMode="decimal"
          value={typed[part]}
          onChange={(event) => take(part, event.currentTarget.value)}
        />
      ))}
      {map}
    </Group>
  );
}

const text = (part: unknown): string => (typeof part === "number" ? String(part) : "");
const numberOf = (entry: string): number | string => {
  const plain = entry.trim().replace(",", ".");
  return plain !== "" && !Number.isNaN(Number(plain)) ? Number(plain) : entry;
};
