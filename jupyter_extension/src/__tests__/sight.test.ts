import { whileInSight } from '../widgets/sight';

test('a tab is in sight while it is in front, and what holds it is', async () => {
  // Lumino looks for this when it is loaded, and jsdom has none.
  globalThis.DragEvent = MouseEvent as never;
  const { BoxPanel, StackedPanel, Widget } = await import('@lumino/widgets');
  const [tabs, back, outer] = [new StackedPanel(), new Widget(), new BoxPanel()];
  const said: boolean[] = [];
  whileInSight(back, shown => said.push(shown));
  expect(said).toEqual([false]);
  tabs.addWidget(back);
  outer.addWidget(tabs);
  Widget.attach(outer, document.body);
  expect(said.at(-1)).toBe(true);
  back.hide();
  expect(said.at(-1)).toBe(false);
  back.show();
  expect(said.at(-1)).toBe(true);
  outer.hide();
  expect(said.at(-1)).toBe(false);
  Widget.detach(outer);
  back.hide();
  outer.show();
  Widget.attach(outer, document.body);
  expect(said.at(-1)).toBe(false);
  outer.dispose();
});
