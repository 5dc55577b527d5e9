/**
 * A run's graph: by time (the timeline) or by what each took. Python has laid out both. Arrow keys go
 * from node to node, Home and End to the first and last; what there is to say of it stands below.
 */
class GraphView {
  constructor(label) {
    this.kind = 'time';
    this.at = 0;
    this.graph = { nodes: [], edges: [] };
    this.said = make('div', 'nbflow-graph-said');
    this.said.setAttribute('aria-live', 'polite');
    this.box = make('div', 'nbflow-graph-box');
    this.buttons = [this.button('time', 'By time'), this.button('needs', 'By needs')];
    this.more = make('span', 'nbflow-muted');
    const bar = make('div', 'nbflow-graph-bar', ...this.buttons, this.more);
    this.node = make('div', 'nbflow-graph', bar, this.box, this.said);
    this.box.setAttribute('role', 'group');
    this.box.setAttribute('aria-label', label);
    this.box.addEventListener('keydown', event => this.onKey(event));
    this.box.addEventListener('focusin', event => this.onFocus(event));
    this.box.addEventListener('click', event => event.target.closest('[data-at]')?.focus());
  }

  button(kind, text) {
    const button = make('button', 'nbflow-button', text);
    button.type = 'button';
    button.dataset.kind = kind;
    button.addEventListener('click', () => {
      this.kind = kind;
      this.draw(this.graph);
    });
    return button;
  }

  draw(graph) {
    const focused = this.box.contains(document.activeElement);
    this.graph = graph;
    this.at = Math.min(this.at, Math.max(graph.nodes.length - 1, 0));
    for (const button of this.buttons) {
      button.setAttribute('aria-pressed', String(button.dataset.kind === this.kind));
    }
    write(this.more, graph.more ? `the last ${graph.nodes.length} are drawn` : '');
    this.box.replaceChildren(this.picture(graph));
    if (focused) {
      this.focus(this.at);
    }
  }

  picture({ nodes, edges, time, needs }) {
    const { size, ticks = [] } = this.kind === 'time' ? time : needs;
    const [width, height] = size;
    const spot = node => node[this.kind];
    const high = this.kind === 'time' ? 16 : 30;
    return draw(
      'svg',
      { width, height, viewBox: `0 0 ${width} ${height}`, class: `nbflow-by-${this.kind}` },
      ...ticks.flatMap(([x, text]) => [
        draw('path', { d: `M${x} 16V${height}`, class: 'nbflow-tick' }),
        draw('text', { x, y: 11, class: 'nbflow-tick-text' }, text)
      ]),
      ...edges.map(([a, b]) => this.edge(spot(nodes[a]), spot(nodes[b]), high)),
      ...nodes.map((node, at) => this.mark(node, at, spot(node), high))
    );
  }

  edge([x, y, width], [x2, y2], high) {
    const x1 = x + width;
    const bend = Math.max((x2 - x1) / 2, 12);
    const [from, to] = [y + high / 2, y2 + high / 2];
    const d = `M${x1} ${from}C${x1 + bend} ${from} ${x2 - bend} ${to} ${x2} ${to}`;
    return draw('path', { d, class: 'nbflow-edge' });
  }

  mark(node, at, [x, y, width], high) {
    const beside = this.kind === 'time' ? x + width + 5 : x + 10;
    const shape = draw('tspan', {}, `${node.shape} `);
    shape.style.fill = node.colour;
    const bar = draw('rect', { x, y, width, height: high, rx: 3 });
    bar.style.setProperty('--nbflow-state', node.colour);
    return draw(
      'g',
      { 'data-at': at, class: 'nbflow-node', role: 'img', 'aria-label': node.said,
        tabindex: at === this.at ? 0 : -1 },
      draw('title', {}, node.said),
      bar,
      draw('text', { x: beside, y: y + high / 2 + 4 }, shape, node.label)
    );
  }

  focus(at) {
    this.box.querySelector(`[data-at="${at}"]`)?.focus();
  }

  onFocus(event) {
    const at = Number(event.target.dataset?.at ?? this.at);
    this.box.querySelector('[tabindex="0"]')?.setAttribute('tabindex', '-1');
    this.at = at;
    event.target.setAttribute('tabindex', '0');
    write(this.said, this.graph.nodes[at]?.said ?? '');
  }

  onKey(event) {
    const last = this.graph.nodes.length - 1;
    const steps = { ArrowRight: this.at + 1, ArrowDown: this.at + 1, ArrowLeft: this.at - 1,
      ArrowUp: this.at - 1, Home: 0, End: last };
    if (event.key in steps) {
      // The notebook would take the keys, too.
      event.preventDefault();
      event.stopPropagation();
      this.focus(Math.min(Math.max(steps[event.key], 0), last));
    }
  }
}
