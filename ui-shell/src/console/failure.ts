import { ApiError } from "../api/errors";

/** Returns the message of a failed call with each of its details on a line. */
export function detailsOf(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  return [error.message, ...error.details.map((item) => `${item.field}: ${item.message}`)].join(
    "\n",
  );
}
