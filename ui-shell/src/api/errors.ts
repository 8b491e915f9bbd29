import { saidOf } from "../i18n";
import type { Detail } from "./types";

/** A failed call, with what the server said about it. `status` 0: it was not reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: readonly Detail[];
  readonly requestId: string | null;

  constructor(
    status: number,
    code: string,
    message: string,
    details: readonly Detail[] = [],
    requestId: string | null = null,
  ) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.details = details;
    this.requestId = requestId;
  }
}

type ErrorBody = {
  error?: { code?: string; message?: string; details?: Detail[]; request_id?: string };
};

export async function errorFrom(response: Response): Promise<ApiError> {
  let body: ErrorBody = {};
  try {
    body = (await response.json()) as ErrorBody;
  } catch {
    // A proxy in between may answer HTML; the status alone then says what happened.
  }
  const error = body.error ?? {};
  const code = error.code ?? `HTTP_${response.status}`;
  const details = (error.details ?? []).map((detail) => ({
    ...detail,
    message: saidOf(detail.code, detail.message, detail.params ?? {}),
  }));
  return new ApiError(
    response.status,
    code,
    saidOf(code, error.message ?? response.statusText),
    details,
    error.request_id ?? response.headers.get("x-request-id"),
  );
}
