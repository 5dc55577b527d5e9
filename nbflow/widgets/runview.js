/**
 * A run's live view (an anywidget module). Python says what is shown and when; here it is drawn, as
 * text nodes only, and only what changed.
 */

/** One line: shape and word of the state, name, and what else there is to say. */
class Line {
  constructor(tag) {
    this.badge = new Badge();
    this.word = this.badge.word;
    this.name = make('b', 'nbflow-run-name');
    this.details = make('span', 'nbflow-run-details');
    this.node = make(tag, 'nbflow-run-line', ...this.badge.parts, this.name, this.details);
  }

  draw({ shape, colour, word, name, details }) {
    this.badge.draw({ shape, colour, word });
    write(this.name, name);
    write(this.details, details.join(' · '));
  }
}

/** A part that is opened and closed: its state is the reader's, not Python's. */
function folded(summary, body) {
  const label = make('summary', '', summary);
  const node = make('details', 'nbflow-run-part', label, body);
  node.hidden = true;
  return { node, label };
}

function render({ model, el }) {
  const head = new Line('div');
  head.word.setAttribute('role', 'status');
  const more = make('li', 'nbflow-run-line');
  const list = make('ul', 'nbflow-run-tasks');
  const log = make('pre', 'nbflow-run-log');
  log.tabIndex = 0;
  const logged = folded('Log', log);
  const graph = new GraphView('Graph of the run');
  const drawn = folded('Graph', graph.node);
  const lines = [];
  const root = make('div', 'nbflow-run', head.node, list, drawn.node, logged.node);
  el.replaceChildren(root);
  drawn.node.addEventListener('toggle', () => showGraph());

  const showTasks = () => {
    const view = model.get('view');
    head.draw(view.head);
    while (lines.length < view.tasks.length) {
      lines.push(new Line('li'));
    }
    lines.length = view.tasks.length;
    lines.forEach((line, index) => line.draw(view.tasks[index]));
    write(more, view.more);
    const nodes = lines.map(line => line.node);
    arrange(list, view.more ? [...nodes, more] : nodes);
    const ended = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    write(log, view.log || '');
    logged.node.hidden = !view.log;
    if (ended) {
      log.scrollTop = log.scrollHeight;
    }
  };
  const showGraph = () => {
    const found = model.get('graph');
    drawn.node.hidden = !found.nodes;
    if (found.nodes && drawn.node.open) {
      graph.draw(found);
    }
  };
  const ends = [
    follow(model, 'view', showTasks),
    follow(model, 'graph', showGraph),
    watched(model, root)
  ];
  return () => ends.forEach(end => end());
}

export default { render };
