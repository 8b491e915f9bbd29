export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
export type Label = string | { [locale: string]: string };

export type Page = {
  limit: number;
  has_more: boolean;
  next_cursor: string | null;
  count?: number;
  count_is_estimate?: boolean;
};

export type Envelope<T> = {
  data: T;
  meta?: { request_id?: string; page?: Page };
};

export type Detail = {
  field: string;
  code: string;
  message: string;
  params?: JsonObject | null;
};

export type User = {
  id: string;
  email: string;
  name: string;
  current_tenant_id: string | null;
  roles: string[];
  permissions: string[];
};

export type Tenant = {
  id: string;
  name: string;
  domain?: string | null;
  type?: string | null;
  user_role?: string | null;
};

export type SessionData = {
  access_token: string;
  user?: User;
  tenants?: Tenant[];
  time_zone?: string;
};

export type MenuNode = {
  id: string;
  name: string;
  label?: Label | null;
  path?: string | null;
  icon?: string | null;
  category?: string | null;
  sort_order?: number;
  locked?: boolean;
  children?: MenuNode[];
};

export type PropertySchema = {
  type?: string | string[];
  title?: string;
  description?: string;
  format?: string;
  enum?: Json[];
  const?: Json;
  default?: Json;
  readOnly?: boolean;
  writeOnly?: boolean;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  multipleOf?: number;
  items?: PropertySchema;
  properties?: { [name: string]: PropertySchema };
  required?: string[];
  anyOf?: PropertySchema[];
  oneOf?: PropertySchema[];
  allOf?: PropertySchema[];
  additionalProperties?: boolean | PropertySchema;
  $ref?: string;
  $defs?: { [name: string]: PropertySchema };
  discriminator?: { propertyName: string };
  "x-rangka-ref"?: string;
};

export type Choice = { value: Json; label?: Label | null; color?: string | null };

export type FieldOptions = {
  widget?: string;
  required?: boolean;
  readonly?: boolean;
  help?: Label | null;
  /** Said at the field as long as it is empty. */
  empty_warning?: Label | null;
  placeholder?: Label | null;
  target?: string;
  title_field?: string;
  currency?: string;
  digits?: number;
  choices?: Choice[];
  [key: string]: unknown;
};

export type Rule = {
  effect: "SHOW" | "HIDE" | "ENABLE" | "DISABLE";
  condition: { scope: string; schema: PropertySchema };
};

export type UiElement = {
  type: string;
  elements?: UiElement[];
  scope?: string;
  label?: Label | boolean | null;
  text?: Label;
  options?: FieldOptions;
  rule?: Rule;
};

export type Column = {
  field: string;
  label?: Label | null;
  type: string;
  renderer?: string;
  sortable?: boolean;
  operators?: string[];
  options?: FieldOptions;
  /** Of the value: what is in JSON, and how a number or a text is meant. */
  schema?: PropertySchema | undefined;
  width?: number | null;
};

export type View = {
  name: string;
  label?: Label | null;
  filter?: JsonObject;
  sort?: string[];
  columns?: string[];
};

export type RecordAction = {
  name: string;
  label?: Label | null;
  scope: "record" | "entity";
  confirm?: Label | null;
  destructive?: boolean;
  icon?: string | null;
  when?: JsonObject | null;
  schema?: PropertySchema | null;
  ui?: UiElement | null;
};

/** A rule of the entity: when `if` holds, `then` must hold too. */
export type FormRule = {
  if: JsonObject;
  then: { required?: string[]; readonly?: string[]; check?: JsonObject };
  message: Label | null;
};

/** How the values of the fields that rules name are compared. */
export type RuleFields = {
  [name: string]: { type: string; digits?: number; options?: string[]; fields?: RuleFields };
};

/** Records of another entity whose `field` points at a record of this one. */
export type Related = {
  name: string;
  service: string;
  entity: string;
  field: string;
  label: Label;
};

export type EntityForm = {
  service: string;
  entity: string;
  label: Label;
  label_plural?: Label | null;
  description?: Label | null;
  title_field: string;
  resource?: string;
  version?: number;
  schema: PropertySchema;
  ui: UiElement;
  rules?: FormRule[];
  rule_fields?: RuleFields;
  list: {
    columns: Column[];
    available?: Column[];
    sort?: string[];
    filters?: string[];
    views?: View[];
    search?: boolean;
  };
  actions: RecordAction[];
  permissions: { [action: string]: boolean };
  related?: Related[];
  /** Which records nobody changes or deletes, and why. */
  fixed?: { field: string; reason: Label } | null;
  forms?: { name: string; label?: Label | null }[];
  soft_delete?: boolean;
  history?: boolean;
};

export type EntityRecord = JsonObject & { id: string };
