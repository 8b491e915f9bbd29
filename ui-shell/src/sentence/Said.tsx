import { inIndonesian } from "./sentences";

/** A sentence of the server in Indonesian; loaded with its words when there is one to show. */
export function Said({ text }: { text: string }) {
  return <>{inIndonesian(text)}</>;
}
