/**
 * Which sections of the sidebar are open, over a reload of the page.
 */
import type { IStateDB } from '@jupyterlab/statedb';
import type { SidePanel } from '@jupyterlab/ui-components';
import { AccordionPanel, type Widget } from '@lumino/widgets';

const KEY = 'nbflow-lab:sections';
const OURS = 'jp-nbflow-';

/** Open and close the sections as they were left, and keep which are open. */
export async function keepSections(
  { content }: SidePanel,
  state: IStateDB
): Promise<void> {
  if (!(content instanceof AccordionPanel)) {
    return;
  }
  const kept: unknown = await state.fetch(KEY).catch(() => undefined);
  const open = kept !== null && typeof kept === 'object' ? Object.entries(kept) : [];
  for (const [name, opened] of open) {
    const at = content.widgets.findIndex(section => nameOf(section) === name);
    if (at >= 0) {
      (opened ? content.expand : content.collapse).call(content, at);
    }
  }
  content.expansionToggled.connect(() => {
    const all = content.widgets.map(one => [nameOf(one), !one.isHidden] as const);
    void state.save(KEY, Object.fromEntries(all));
  });
}

/** What a section is called in any language: its own class, the last of ours. */
function nameOf({ node }: Widget): string {
  return [...node.classList].filter(name => name.startsWith(OURS)).at(-1) ?? '';
}
