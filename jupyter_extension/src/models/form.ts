/**
 * What every form has in common: what is wrong with which field, and that it is sent once at a time. What
 * is filled in, and where the server's words belong, each form says itself.
 */
import { problemOf } from '../errors';
import type { Problem } from '../wire';
import { Model } from './model';
import { unanswered, type Problems } from './schemaform';

export abstract class FormModel extends Model {
  get submitting(): boolean {
    return this._submitting;
  }

  /** A problem of no field. */
  get problem(): Problem | null {
    return this._problem;
  }

  /** What is wrong, by field or path. */
  get problems(): Problems {
    return this._problems;
  }

  error(field: string): Problem | undefined {
    return this._problems.get(field);
  }

  /** Say where in the form a problem is shown; null: above it. */
  protected abstract placeOf(problem: Problem): string | null;

  /** Something was typed at a field or path: what was wrong there is answered. */
  protected answered(at: string): void {
    this._problems = unanswered(this._problems, at);
  }

  /** Say all that is wrong now. */
  protected found(problems: Problems, problem: Problem | null = null): void {
    this._problems = problems;
    this._problem = problem;
  }

  /** Say that something is wrong at a field besides. */
  protected mark(field: string, problem: Problem): void {
    this._problems = new Map([...this._problems, [field, problem]]);
  }

  /** Show a problem where it belongs. */
  protected place(problem: Problem): void {
    const field = this.placeOf(problem);
    if (field === null) {
      this._problem = problem;
    } else {
      this.mark(field, problem);
    }
  }

  /** What could not be sent is a problem. */
  protected refused(reason: unknown): void {
    this.place(problemOf(reason));
  }

  /** Send what was filled in, unless something is wrong with it; null: it was not accepted. */
  protected async send<Answer>(doing: () => Promise<Answer>): Promise<Answer | null> {
    if (this._problems.size || this._submitting) {
      this.changed();
      return null;
    }
    this._submitting = true;
    this.changed();
    try {
      return await doing();
    } catch (reason) {
      this.refused(reason);
      return null;
    } finally {
      this._submitting = false;
      this.changed();
    }
  }

  private _submitting = false;
  private _problem: Problem | null = null;
  private _problems: Problems = new Map();
}
