/**
 * The form that deploys (an anywidget module). Python says which fields there are, reads what was
 * typed and says what is wrong with it; here is only what can be typed. What is typed travels in
 * messages, never in the widget's state: a saved notebook holds none of it.
 */
const SCHEDULES = [
  ['', 'When asked'],
  ['cron', 'By cron'],
  ['interval', 'Every …']
];
const EXAMPLES = { cron: '0 7 * * 1-5', interval: '1h30m' };
let forms = 0;

class Field {
  constructor(form, { name, label, help }, control) {
    const id = `nbflow-form-${form}-${name}`;
    this.name = name;
    this.control = control;
    control.id = id;
    control.name = name;
    const title = make('label', '', label);
    title.htmlFor = id;
    this.error = make('div', 'nbflow-form-error');
    this.error.id = `${id}-error`;
    const said = make('span', 'nbflow-muted', help || '');
    this.node = make('div', 'nbflow-form-field', title, control, said, this.error);
  }

  get text() {
    const { control } = this;
    return control.type === 'checkbox' ? String(control.checked) : control.value;
  }

  wrong(message) {
    write(this.error, message ?? '');
    this.control.toggleAttribute('aria-invalid', Boolean(message));
    if (message) {
      this.control.setAttribute('aria-invalid', 'true');
      this.control.setAttribute('aria-describedby', this.error.id);
    } else {
      this.control.removeAttribute('aria-describedby');
    }
  }
}

function input(type, value) {
  const control = make('input', 'nbflow-form-control');
  control.type = type;
  control.autocomplete = 'off';
  control.spellcheck = false;
  control.value = value;
  return control;
}

function choice(options, value) {
  const control = make('select', 'nbflow-form-control');
  for (const [key, text] of options) {
    const option = make('option', '', text);
    option.value = key;
    control.append(option);
  }
  control.value = value;
  return control;
}

function area(value) {
  const control = make('textarea', 'nbflow-form-control');
  control.rows = Math.min(10, value.split('\n').length + 1);
  control.spellcheck = false;
  control.value = value;
  return control;
}

function controlOf({ kind, value, choices }) {
  if (kind === 'flag') {
    const control = input('checkbox', '');
    control.checked = value === 'true';
    return control;
  }
  if (kind === 'choice') {
    return choice(choices, value);
  }
  return kind === 'json' ? area(value) : input(kind === 'secret' ? 'password' : 'text', value);
}

function render({ model, el }) {
  const form = (forms += 1);
  const view = model.get('view');
  const field = (said, control) => new Field(form, said, control);
  const name = field({ name: 'name', label: 'Name' }, input('text', view.name));
  const own = view.fields.map(said => field(said, controlOf(said)));
  const json = field({ name: 'parameters', label: 'Parameters as JSON' }, area(view.json));
  const kind = field({ name: 'schedule', label: 'Runs' }, choice(SCHEDULES, ''));
  const when = field({ name: 'when', label: 'When' }, input('text', ''));
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
  const zone = field({ name: 'timezone', label: 'Time zone' }, input('text', here));
  const preview = make('div', 'nbflow-muted');
  preview.setAttribute('role', 'status');
  const whole = make('div', 'nbflow-form-error');
  whole.setAttribute('role', 'alert');
  const toggle = make('button', 'nbflow-button', 'Edit as JSON');
  const deploy = make('button', 'nbflow-button nbflow-button-main', 'Deploy');
  toggle.type = 'button';
  toggle.setAttribute('aria-pressed', 'false');
  const group = make('fieldset', 'nbflow-form-group', make('legend', '', 'Parameters'), toggle,
    ...own.map(each => each.node), json.node);
  group.hidden = own.length === 0;
  const root = make('form', 'nbflow-run nbflow-form', make('div', '', view.title), name.node, group,
    kind.node, when.node, zone.node, preview, whole, deploy);
  root.noValidate = true;
  const fields = [name, ...own, json, kind, when, zone];
  const asJson = () => toggle.getAttribute('aria-pressed') === 'true';
  let asked = 0;
  let timer;

  const arrangeFields = () => {
    own.forEach(each => (each.node.hidden = asJson()));
    json.node.hidden = !asJson();
    const scheduled = kind.text !== '';
    when.node.hidden = zone.node.hidden = !scheduled;
    when.control.placeholder = EXAMPLES[kind.text] ?? '';
  };
  const send = deploys => {
    clearTimeout(timer);
    asked += 1;
    model.send({
      asked,
      deploy: deploys,
      name: name.text,
      schedule: kind.text,
      when: when.text,
      timezone: zone.text,
      json: asJson() ? json.text : null,
      parameters: Object.fromEntries(own.map(each => [each.name, each.text]))
    });
  };
  const answer = () => {
    const { of, errors = {}, preview: said = '' } = model.get('answer');
    if (of !== asked) {
      return;
    }
    deploy.disabled = false;
    const known = new Set(fields.filter(each => !each.node.hidden).map(each => each.name));
    fields.forEach(each => each.wrong(errors[each.name]));
    const others = Object.keys(errors).filter(key => !known.has(key));
    write(whole, others.map(key => errors[key]).join(' '));
    write(preview, said);
  };
  root.addEventListener('input', () => {
    arrangeFields();
    clearTimeout(timer);
    timer = setTimeout(() => send(false), 300);
  });
  root.addEventListener('submit', event => {
    event.preventDefault();
    deploy.disabled = true;
    send(true);
  });
  // The notebook would take the keys for commands.
  root.addEventListener('keydown', event => event.stopPropagation());
  toggle.addEventListener('click', () => {
    toggle.setAttribute('aria-pressed', String(!asJson()));
    arrangeFields();
    send(false);
  });
  arrangeFields();
  el.replaceChildren(root);
  const end = follow(model, 'answer', answer);
  return () => {
    clearTimeout(timer);
    end();
  };
}

export default { render };
