import type { Json, JsonObject, PropertySchema, UiElement } from "../api/types";

export type EndpointForm = {
  service: string;
  service_label: { [locale: string]: string };
  endpoint: string;
  label: { [locale: string]: string };
  description: { [locale: string]: string } | null;
  method: string;
  path: string;
  schema: PropertySchema;
  ui: UiElement;
  parameters: { input: string; name: string; in: string }[];
  body: string | null;
  media_type: string;
  response_schema: JsonObject;
};

/** Whether the page may ask by itself: nothing is changed by it and nothing has to be filled in. */
export const isAskedAtOnce = ({ method, schema }: EndpointForm): boolean =>
  method === "GET" && (schema.required ?? []).length === 0;

export type Call = {
  path: string;
  headers: { [name: string]: string };
  body: unknown;
};

const JSON_TYPE = "application/json";

const textOf = (value: Json): string =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);

const partsOf = (value: Json): string[] =>
  Array.isArray(value) ? value.map(textOf) : [textOf(value)];

const JOINTS: { [style: string]: string } = { comma: ",", spaceDelimited: " ", pipeDelimited: "|" };

const isObject = (value: Json): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Writes a value as one text: a list as 1,2 and an object as a,1,b,2, or in pairs as a=1,b=2. */
function joined(value: Json, style: unknown, encode = (text: string) => text): string {
  if (style === "json") return encode(JSON.stringify(value));
  const parts = isObject(value)
    ? Object.entries(value).flatMap(([key, each]) =>
        style === "pairs"
          ? [`${encode(key)}=${encode(textOf(each))}`]
          : [encode(key), encode(textOf(each))],
      )
    : partsOf(value).map(encode);
  return parts.join(JOINTS[String(style)] ?? ",");
}

/** Writes a query parameter as its style wants it: repeated, joined, or by member. */
function addToQuery(query: URLSearchParams, name: string, value: Json, style: unknown): void {
  if (style === "json" || String(style) in JOINTS) query.append(name, joined(value, style));
  else if (isObject(value)) {
    for (const [key, each] of Object.entries(value)) {
      const member = style === "deepObject" ? `${name}[${key}]` : key;
      for (const part of partsOf(each)) query.append(member, part);
    }
  } else for (const part of partsOf(value)) query.append(name, part);
}

/** Turns what was entered into the call of the endpoint, behind the gateway. */
export function callOf(form: EndpointForm, values: JsonObject): Call {
  const query = new URLSearchParams();
  const headers: { [name: string]: string } = {};
  const rest = { ...values };
  let { path } = form;
  for (const { input, name, in: place } of form.parameters) {
    const value = rest[input];
    delete rest[input];
    if (value === undefined || value === null) continue;
    const property = form.schema.properties?.[input] as { "x-style"?: string } | undefined;
    const style = property?.["x-style"];
    if (place === "path") {
      const text = joined(value, style, encodeURIComponent);
      path = path.replaceAll(`{${name}}`, () => text);
    } else if (place === "header") headers[name] = joined(value, style);
    else addToQuery(query, name, value, style);
  }
  const search = query.toString();
  return {
    path: `/gateway/${form.service}${path}${search ? `?${search}` : ""}`,
    headers,
    body: bodyOf(form, rest),
  };
}

function bodyOf(form: EndpointForm, rest: JsonObject): unknown {
  if (form.method === "GET") return undefined;
  if (form.body !== null) return rest[form.body];
  const inputs = Object.keys(form.schema.properties ?? {});
  if (inputs.every((name) => form.parameters.some(({ input }) => input === name))) return undefined;
  if (form.media_type === JSON_TYPE) return rest;
  const fields = Object.entries(rest).flatMap(([name, value]) =>
    partsOf(value).map((part): [string, string] => [name, part]),
  );
  return new Blob([new URLSearchParams(fields).toString()], { type: form.media_type });
}
