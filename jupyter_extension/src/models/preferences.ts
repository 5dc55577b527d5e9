/**
 * What a person chose in JupyterLab's settings. Where there are none (or they cannot be kept) a
 * choice lasts as long as the page.
 */
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Model } from './model';
import { PARTS, type Part } from './run';

/** Whose failures are told of: runs of deployments, every run, none. */
export const TOLD = ['deployments', 'all', 'none'] as const;

export type Told = (typeof TOLD)[number];

/** Keeps one setting. */
export type Keep = (key: string, value: string[]) => Promise<void>;

export class Preferences extends Model {
  get notifyFailures(): Told {
    return this._notifyFailures;
  }

  /** The part a run's page begins with; null: what suits the run. */
  get runPart(): Part | null {
    return this._runPart;
  }

  /** Whether the state of cells is shown above them. */
  get cellBadges(): boolean {
    return this._cellBadges;
  }

  /** Whether nobody wants to be told when this deployment fails. */
  isSilent(deployment: string): boolean {
    return this._silent.has(deployment);
  }

  async setSilent(deployment: string, silent: boolean): Promise<void> {
    if (silent === this.isSilent(deployment)) {
      return;
    }
    const others = [...this._silent].filter(name => name !== deployment);
    const names = silent ? [...others, deployment] : others;
    this._silent = new Set(names);
    this.changed();
    await this._keep('silentDeployments', names);
  }

  /** Take the settings as they now are, and what keeps them. What is not understood is the default. */
  take(settings: ReadonlyPartialJSONObject, keep: Keep = this._keep): void {
    const { notifyFailures, runPart, silentDeployments, cellBadges } = settings;
    this._keep = keep;
    this._notifyFailures = TOLD.find(one => one === notifyFailures) ?? 'deployments';
    this._runPart = PARTS.find(one => one === runPart) ?? null;
    this._cellBadges = cellBadges !== false;
    const names = Array.isArray(silentDeployments) ? silentDeployments : [];
    this._silent = new Set(names.filter(name => typeof name === 'string'));
    this.changed();
  }

  private _keep: Keep = () => Promise.resolve();
  private _notifyFailures: Told = 'deployments';
  private _runPart: Part | null = null;
  private _cellBadges = true;
  private _silent: ReadonlySet<string> = new Set();
}
