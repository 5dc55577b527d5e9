/**
 * An error as JupyterLab's notification: what is still being told is not told twice.
 */
import type { Notification } from '@jupyterlab/apputils';

/** For how long an error lies over the page. */
export const SHOWN_MS = 8000;

/** What shows errors: JupyterLab's `Notification.manager`. */
export interface IErrors {
  readonly notifications: readonly Pick<
    Notification.INotification,
    'type' | 'message' | 'createdAt'
  >[];
  notify(message: string, type: 'error', options: { autoClose: number }): unknown;
}

export function tellOnce(errors: IErrors, message: string): void {
  // It is kept in the list of notifications also when it is no longer over the page.
  const told = errors.notifications.some(
    each =>
      each.type === 'error' &&
      each.message === message &&
      Date.now() - each.createdAt < SHOWN_MS
  );
  if (!told) {
    errors.notify(message, 'error', { autoClose: SHOWN_MS });
  }
}
