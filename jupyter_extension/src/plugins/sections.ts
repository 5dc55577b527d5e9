/**
 * Which sections of the sidebar are open, over a reload of the page.
 */
import type { IStateDB } from '@jupyterlab/statedb';
import type { SidePanel } from '@jupyterlab/ui-components';
import { AccordionPanel, type Widget } from '@lumino/widgets';

const KEY = 'nbflow-lab:closed-sections';
const OURS = 'jp-nbflow-';

/** Close the sections that were left closed, and keep which are. */
export async function keepSections(
  { content }: SidePanel,
  state: IStateDB
): Promise<void> {
  if (!(content instanceof AccordionPanel)) {
    return;
  }
  const kept: unknown = await state.fetch(KEY).catch(() => undefined);
  const closed: unknown[] = Array.isArray(kept) ? kept : [];
  content.widgets.forEach((section, at) => {
    if (closed.includes(nameOf(section))) {
      content.collapse(at);
    }
  });
  content.expansionToggled.connect(() => {
    const hidden = content.widgets.filter(section => section.isHidden);
    void state.save(KEY, hidden.map(nameOf));
  });
}

/** What a section is called in any language: its class. */
function nameOf({ node }: Widget): string {
  return [...node.classList].find(name => name.startsWith(OURS)) ?? '';
}
