import { Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useText } from "../i18n";
import { number } from "../list/format";
import { Sentence } from "../sentence/Sentence";
import styles from "./RunView.module.css";
import {
  changeText,
  countsText,
  type Entry,
  entryText,
  outcomeText,
  type RunPlan,
  type RunResults,
  reasonText,
  type Step,
  stepText,
  writesOf,
} from "./steps";

/** Lists up to this length stand open; what was done is less wanted than what is to be done. */
const SHORT = 20;
const LONG = 60;

/** What a run would do to a router, step by step, and what it leaves alone. */
export function PlanOfRun({ plan }: { plan: RunPlan }) {
  const t = useText();
  const { actions, blocked, conflicts, unmanaged, counts } = plan;
  return (
    <div className={styles.run}>
      <Text fw={500}>{countsText(counts) || t("run.nothing")}</Text>
      <Part title={t("run.steps")} count={writesOf(counts)} isOpen={actions.length <= LONG}>
        {actions.map((step) => (
          <StepLine key={step.number} step={step} />
        ))}
      </Part>
      <Part title={t("run.blocked")} count={counts.blocked ?? blocked.length} isOpen isTold>
        {blocked.map((step, index) => (
          <StepLine key={`${index} ${step.name}`} step={step} />
        ))}
      </Part>
      <Part title={t("run.conflicts")} count={counts.conflicts ?? conflicts.length} isOpen isTold>
        {conflicts.map((entry) => (
          <EntryLine key={entryText(entry)} entry={entry} />
        ))}
      </Part>
      <Part title={t("run.unmanaged")} count={counts.unmanaged ?? unmanaged.length}>
        {unmanaged.map((entry) => (
          <EntryLine key={entryText(entry)} entry={entry} />
        ))}
      </Part>
      {(counts.in_sync ?? 0) > 0 && (
        <Text size="sm" c="dimmed">
          {t("run.inSync", { count: counts.in_sync ?? 0 })}
        </Text>
      )}
    </div>
  );
}

/** What became of each step; what failed comes first. */
export function ResultsOfRun({ results }: { results: RunResults }) {
  const t = useText();
  const { counts, steps } = results;
  const bad = steps.filter((result) => result.outcome !== "applied");
  const good = steps.filter((result) => result.outcome === "applied");
  const done = counts.applied ?? 0;
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return (
    <div className={styles.run}>
      <Part title={t("run.notDone")} count={all - done} isOpen isTold>
        {bad.map((result) => (
          <li key={result.number}>
            <span className={styles.bad}>{outcomeText(result.outcome)}</span> {stepText(result)}
            {result.reason && (
              <span className={styles.why}>
                <Sentence text={result.reason} />
              </span>
            )}
          </li>
        ))}
      </Part>
      <Part title={t("run.done")} count={done} isOpen={good.length <= SHORT}>
        {good.map((result) => (
          <li key={result.number}>
            <span className={styles.good}>{outcomeText(result.outcome)}</span> {stepText(result)}
          </li>
        ))}
      </Part>
    </div>
  );
}

type PartProps = {
  title: string;
  count: number;
  isOpen?: boolean;
  isTold?: boolean;
  children: ReactNode[];
};

function Part({ title, count, isOpen = false, isTold = false, children }: PartProps) {
  const t = useText();
  const shown = children.length;
  const all = Math.max(count, shown);
  if (all === 0) return null;
  return (
    <details open={isOpen} className={styles.part} data-told={isTold || undefined}>
      <summary>{`${title} (${number(all)})`}</summary>
      <ol>{children}</ol>
      {all > shown && (
        <Text size="sm" c="dimmed">
          {t("run.shown", { shown: number(shown), all: number(all) })}
        </Text>
      )}
    </details>
  );
}

/** Steps that take something away from a customer. */
const HARD = new Set(["remove", "kick"]);

function StepLine({ step }: { step: Step }) {
  return (
    <li data-hard={HARD.has(step.verb) || undefined}>
      {stepText(step)}
      {step.reason && <span className={styles.why}>{reasonText(step.reason)}</span>}
      {step.changes.length > 0 && (
        <span className={styles.why}>{step.changes.map(changeText).join(" · ")}</span>
      )}
    </li>
  );
}

function EntryLine({ entry }: { entry: Entry }) {
  return (
    <li>
      {entryText(entry)}
      {entry.reason && <span className={styles.why}>{reasonText(entry.reason)}</span>}
    </li>
  );
}
