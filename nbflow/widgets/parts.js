/**
 * What all of nbflow's widgets are made of. Python puts it before each widget's own module. Whatever
 * users wrote becomes text nodes; nothing is ever read as HTML, and nothing is loaded.
 */
const SVG = 'http://www.w3.org/2000/svg';

/** Make an element of a class, with children. */
function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) {
    element.className = name;
  }
  element.append(...children);
  return element;
}

/** Make an SVG element with attributes. */
function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Write a text, unless it is already there. */
function write(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Let an element have these children, touching only what is not so yet. */
function arrange(parent, wanted) {
  const same = (node, at) => node === parent.children[at];
  if (wanted.length !== parent.childElementCount || !wanted.every(same)) {
    parent.replaceChildren(...wanted);
  }
}

/** Tell Python whether anybody can see this view: nothing is sent to one that is hidden. */
function watched(model, element) {
  const view = crypto.randomUUID ? crypto.randomUUID() : String(Math.random());
  let near = true;
  let told;
  const tell = seen => {
    if (seen !== told) {
      told = seen;
      model.send({ view, seen });
    }
  };
  const look = () => tell(near && document.visibilityState !== 'hidden');
  const observer = new IntersectionObserver(entries => {
    near = entries[entries.length - 1].isIntersecting;
    look();
  });
  observer.observe(element);
  document.addEventListener('visibilitychange', look);
  look();
  return () => {
    observer.disconnect();
    document.removeEventListener('visibilitychange', look);
    tell(false);
  };
}

/** Show what a trait holds now, and whenever it changes; give the end of it. */
function follow(model, trait, show) {
  const event = `change:${trait}`;
  model.on(event, show);
  show();
  return () => model.off(event, show);
}

/** A state: shape and word, the shape in its colour. */
class Badge {
  constructor() {
    this.shape = make('b', 'nbflow-shape');
    this.shape.setAttribute('aria-hidden', 'true');
    this.word = make('span', 'nbflow-word');
    this.parts = [this.shape, this.word];
  }

  draw({ shape, colour, word }) {
    write(this.shape, shape);
    this.shape.style.color = colour;
    write(this.word, word);
  }
}
