import type { Json, PropertySchema } from "../api/types";
import { useText } from "../i18n";
import { PlanOfRun, ResultsOfRun } from "../run/RunView";
import { countsOf, countsText, planOf, resultsOf } from "../run/steps";
import { JsonView } from "./JsonView";

/** A JSON value of a record: in words where its shape is known, else as a table. */
export function JsonValue({ value, schema }: { value: Json; schema?: PropertySchema }) {
  const t = useText();
  const plan = planOf(value);
  if (plan) return <PlanOfRun plan={plan} />;
  const results = resultsOf(value);
  if (results) return <ResultsOfRun results={results} />;
  const counts = countsOf(value);
  if (counts) return <>{countsText(counts, true) || t("run.nothing")}</>;
  return <JsonView value={value} schema={schema} />;
}
