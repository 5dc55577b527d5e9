/**
 * A run's live view (an anywidget module). Python says what is shown and when; here it is drawn, as
 * text nodes only, and only what changed.
 */

/** Make an element of a class, with children. */
function make(tag, name, ...children) {
  const element = document.createElement(tag);
  element.className = name;
  element.append(...children);
  return element;
}

/** Write a text, unless it is already there. */
function write(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** One line: shape and word of the state, name, and what else there is to say. */
class Line {
  constructor(tag) {
    this.shape = make('b', 'nbflow-run-shape');
    this.shape.setAttribute('aria-hidden', 'true');
    this.word = make('span', 'nbflow-run-word');
    this.name = make('b', 'nbflow-run-name');
    this.details = make('span', 'nbflow-run-details');
    this.node = make(tag, 'nbflow-run-line', this.shape, this.word, this.name, this.details);
  }

  draw({ shape, colour, word, name, details }) {
    write(this.shape, shape);
    this.shape.style.color = colour;
    write(this.word, word);
    write(this.name, name);
    write(this.details, details.join(' · '));
  }
}

function render({ model, el }) {
  const head = new Line('div');
  head.word.setAttribute('role', 'status');
  const more = make('li', 'nbflow-run-line');
  const list = make('ul', 'nbflow-run-tasks');
  const lines = [];
  el.replaceChildren(make('div', 'nbflow-run', head.node, list));

  const draw = () => {
    const view = model.get('view');
    head.draw(view.head);
    while (lines.length < view.tasks.length) {
      lines.push(new Line('li'));
    }
    lines.length = view.tasks.length;
    lines.forEach((line, index) => line.draw(view.tasks[index]));
    write(more, view.more);
    const nodes = lines.map(line => line.node);
    const wanted = view.more ? [...nodes, more] : nodes;
    if (wanted.length !== list.childElementCount || wanted.some((node, at) => node !== list.children[at])) {
      list.replaceChildren(...wanted);
    }
  };
  model.on('change:view', draw);
  draw();
  return () => model.off('change:view', draw);
}

export default { render };
