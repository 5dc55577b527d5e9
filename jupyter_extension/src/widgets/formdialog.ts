/**
 * A dialog that stays open until what it submits is accepted, so that nothing typed is lost to an
 * error, a stray click or a slow server.
 */
import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Widget } from '@lumino/widgets';

export interface IFormDialog {
  title: string;
  body: Widget;
  submitLabel: string;
  submitClass: string;
  /** Give true when it was accepted. */
  submit: () => Promise<boolean>;
  trans: TranslationBundle;
}

export class FormDialog extends Dialog<void> {
  constructor(options: IFormDialog) {
    const { title, body, submitLabel: label, submitClass: className, trans } = options;
    super({
      title,
      focusNodeSelector: 'input, select, textarea',
      body: body as Dialog.IBodyWidget<void>,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({ label, className })
      ]
    });
    this._submit = options.submit;
    this.addClass('jp-nbflow-FormDialog');
  }

  override resolve(index?: number): void {
    if (index === 0) {
      super.resolve(index);
    } else {
      void this._submit().then(accepted =>
        accepted ? super.resolve(index) : this._focusProblem()
      );
    }
  }

  protected override _evtKeydown(event: KeyboardEvent): void {
    const within =
      event.target instanceof Element && event.target.closest('.jp-Dialog-body');
    const acts =
      within &&
      event.target.matches(
        'button, summary, select, input[type="checkbox"], .jp-nbflow-Inline *'
      );
    if (!(event.key === 'Enter' && acts)) {
      super._evtKeydown(event);
    }
  }

  /** What takes the focus from outside, such as a notebook that has just loaded, gives it back. */
  protected override _evtFocus(event: FocusEvent): void {
    const { target } = event;
    if (target instanceof HTMLElement && this.node.contains(target)) {
      this._focused = target;
    } else if (this._focused?.isConnected) {
      event.stopPropagation();
      this._focused.focus();
    } else {
      super._evtFocus(event);
    }
  }

  protected override _evtClick(event: MouseEvent): void {
    const content = this.node.querySelector('.jp-Dialog-content');
    if (event.target instanceof Node && content?.contains(event.target)) {
      super._evtClick(event);
    }
  }

  /** Go to the first field that is wrong, once it is drawn as such. */
  private _focusProblem(): void {
    requestAnimationFrame(() =>
      this.node.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
    );
  }

  private readonly _submit: () => Promise<boolean>;
  /** Where the person is in the form. */
  private _focused: HTMLElement | null = null;
}
