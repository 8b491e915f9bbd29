/** Times as the tenant's people read them: in the time zone of the tenant. */

let zone: string | undefined;

/** The browser's own zone is taken until a tenant's is known. */
export function setZone(next: string | undefined): void {
  zone = next;
}

export const getZone = (): string =>
  zone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Returns how far a zone's clocks are ahead of UTC at an instant, in milliseconds. */
function offset(at: number): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: getZone(),
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(at);
  const part = (type: string) => Number(parts.find((item) => item.type === type)?.value);
  const [year, month, day] = [part("year"), part("month"), part("day")];
  const shown = Date.UTC(year, month - 1, day, part("hour"), part("minute"), part("second"));
  return shown - Math.floor(at / 1000) * 1000;
}

/** An instant → what a datetime-local input shows; empty for none. */
export function toClock(instant: string): string {
  const at = Date.parse(instant);
  return Number.isNaN(at) ? "" : new Date(at + offset(at)).toISOString().slice(0, 16);
}

/** What a datetime-local input says → the instant in UTC; null for nothing usable. */
export function fromClock(clock: string): string | null {
  const shown = Date.parse(`${clock}Z`);
  if (Number.isNaN(shown)) return null;
  // Near a change of the clocks the offset of the first guess may be the wrong one.
  const guess = shown - offset(shown);
  return new Date(shown - offset(guess)).toISOString();
}
