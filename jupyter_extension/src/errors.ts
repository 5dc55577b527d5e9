/**
 * What the server refused and why, as an error the page can show at the right field.
 */
import type { Problem } from './wire';

export class ApiError extends Error implements Problem {
  constructor(
    readonly status: number,
    problem: Problem
  ) {
    super(problem.message);
    this.name = 'ApiError';
    this.code = problem.code;
    this.field = problem.field;
    this.hint = problem.hint;
  }

  readonly code: string;
  readonly field?: string;
  readonly hint?: string;

  /** Read a refusal. Answers that are not nbflow's own (a proxy's page) are named by their status. */
  static async of(response: Response): Promise<ApiError> {
    const body: unknown = await response.json().catch(() => null);
    const problem = body as Partial<Problem> | null;
    const message =
      problem?.message || `${response.status} ${response.statusText}`.trim();
    const code = problem?.code || `http.${response.status}`;
    return new ApiError(response.status, { ...problem, code, message });
  }

  static unreachable(reason: unknown): ApiError {
    const message = reason instanceof Error ? reason.message : String(reason);
    return new ApiError(0, { code: 'unreachable', message });
  }
}

/** Give any failure as a problem that can be shown. */
export function problemOf(reason: unknown): Problem {
  if (reason instanceof ApiError) {
    const { code, message, field, hint } = reason;
    return { code, message, field, hint };
  }
  const message = reason instanceof Error ? reason.message : String(reason);
  return { code: 'error', message };
}
