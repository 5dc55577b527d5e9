/**
 * Whether a widget that is not ours is in sight: the tab in front, not one behind it.
 */
import { MessageLoop } from '@lumino/messaging';
import type { Widget } from '@lumino/widgets';

/** Say whether a widget is in sight, now and whenever that changes; it may say the same again. */
export function whileInSight(widget: Widget, say: (shown: boolean) => void): void {
  MessageLoop.installMessageHook(widget, (_, { type }) => {
    if (type === 'after-show' || type === 'after-hide') {
      say(type === 'after-show');
    } else if (type === 'after-attach') {
      // The widget takes note of it only after this.
      say(!widget.isHidden && widget.parent?.isVisible !== false);
    }
    return true;
  });
  say(widget.isVisible);
}
