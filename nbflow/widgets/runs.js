/** A table of runs that keeps itself up to date (an anywidget module). */
function cells(row) {
  const badge = new Badge();
  badge.draw(row);
  const name = make('th', '', row.name);
  name.scope = 'row';
  const due = make('td', '', row.due);
  due.title = row.exact;
  const message = make('td', 'nbflow-muted nbflow-long', row.message);
  return [make('td', '', ...badge.parts), name, make('td', 'nbflow-long', row.flow), due,
    make('td', '', row.took), message];
}

function render({ model, el }) {
  const body = make('tbody');
  const heads = ['State', 'Run', 'Flow', 'Due', 'Took', ''].map(text => {
    const head = make('th', '', text);
    head.scope = 'col';
    return head;
  });
  const caption = make('caption', 'nbflow-muted');
  const table = make('table', 'nbflow-runs', caption, make('thead', '', make('tr', '', ...heads)), body);
  const root = make('div', 'nbflow-run nbflow-scrolled', table);
  root.tabIndex = 0;
  root.setAttribute('role', 'region');
  root.setAttribute('aria-label', 'Runs');
  el.replaceChildren(root);
  const rows = new Map();
  const show = () => {
    const view = model.get('view');
    write(caption, view.said);
    const wanted = view.rows.map(row => {
      const text = JSON.stringify(row);
      const there = rows.get(row.id);
      if (there?.text === text) {
        return there;
      }
      const node = there?.node ?? make('tr', '');
      node.replaceChildren(...cells(row));
      return { id: row.id, text, node };
    });
    rows.clear();
    wanted.forEach(row => rows.set(row.id, row));
    arrange(body, wanted.map(row => row.node));
  };
  const ends = [follow(model, 'view', show), watched(model, root)];
  return () => ends.forEach(end => end());
}

export default { render };
