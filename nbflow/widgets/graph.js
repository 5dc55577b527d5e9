/** The graph of a run alone (an anywidget module). */
function render({ model, el }) {
  const title = make('div', 'nbflow-graph-title');
  const graph = new GraphView('Graph of the run');
  const root = make('div', 'nbflow-run', title, graph.node);
  el.replaceChildren(root);
  const show = () => {
    const view = model.get('view');
    write(title, view.title);
    graph.draw(view.graph);
  };
  const ends = [follow(model, 'view', show), watched(model, root)];
  return () => ends.forEach(end => end());
}

export default { render };
