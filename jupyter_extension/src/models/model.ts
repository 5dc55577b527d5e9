/**
 * What every model is made of: a version that grows and a signal that says so.
 */
import { Signal } from '@lumino/signaling';
import type { IModel } from '../tokens';

export abstract class Model implements IModel {
  readonly stateChanged = new Signal<this, void>(this);

  get version(): number {
    return this._version;
  }

  protected changed(): void {
    this._version += 1;
    this.stateChanged.emit();
  }

  private _version = 0;
}
