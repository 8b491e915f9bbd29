import type { Source } from "../api/source";
import type { EntityRecord } from "../api/types";

/** How often a job that is under way, and a list of jobs that are not, is looked at. */
export const JOB_PAUSE = 2_000;
export const JOBS_PAUSE = 10_000;

export const isJob = ({ service, entity }: Source): boolean =>
  service === "platform" && entity === "jobs";

export const isUnderWay = (job: EntityRecord | undefined): boolean =>
  job?.state === "waiting" || job?.state === "running";
