/** Where an entity's records, forms and pages are: services and the platform differ only here. */
export type Source = {
  service: string;
  entity: string;
  data: string;
  form: string;
  ui: string;
};

export function sourceOf(service: string, entity: string): Source {
  return service === "platform"
    ? {
        service,
        entity,
        data: `/core/${entity}`,
        form: `/forms/platform/${entity}`,
        ui: `/admin/${entity}`,
      }
    : {
        service,
        entity,
        data: `/data/${service}/${entity}`,
        form: `/forms/${service}/${entity}`,
        ui: `/s/${service}/${entity}`,
      };
}

/** Returns the source of a relation's target, written `service.entity`. */
export function sourceOfTarget(target: string): Source {
  const [service = "", entity = ""] = target.split(".");
  return sourceOf(service, entity);
}
