/**
 * Widgets of ours that know whether they are in sight: told to their models, and most draw nothing while
 * they are not. A widget that is not ours is watched by `sight.ts`.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import React from 'react';

/** A widget that is drawn anew when it comes into sight or leaves it. */
export abstract class Sighted extends ReactWidget {
  /** It has come into sight, or left it; it may be told the same again. */
  protected turned?(shown: boolean): void;

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._turn();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._turn();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._turn();
  }

  private _turn(): void {
    this.turned?.(this.isVisible);
    this.update();
  }
}

/** A widget that draws nothing while it is not in sight. */
export abstract class InSight extends Sighted {
  /** What is drawn while it is in sight. */
  protected abstract draw(): JSX.Element;

  protected render(): JSX.Element {
    return this.isVisible ? this.draw() : <></>;
  }
}

/** A component as a widget: it follows its model by itself. */
export class Drawn extends InSight {
  constructor(
    className: string,
    private readonly _element: JSX.Element
  ) {
    super();
    this.addClass(className);
  }

  protected draw(): JSX.Element {
    return this._element;
  }
}
