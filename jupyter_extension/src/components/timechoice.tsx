/**
 * A few buttons of which one is pressed, and the choice of a time made of them: the last hour, day,
 * week, month, or from one instant to another by the reader's clock.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';
import { RANGES, type Range } from '../models/overviewrange';
import type { ISpan } from '../models/timeline';

export interface IChoices<Choice extends string> {
  label: string;
  all: readonly Choice[];
  words: Record<Choice, string>;
  chosen: Choice;
  onChoose: (choice: Choice) => void;
}

/** A few buttons of which one is pressed. */
export function Choices<Choice extends string>(props: IChoices<Choice>): JSX.Element {
  const { label, all, words, chosen, onChoose } = props;
  return (
    <div className="jp-nbflow-Choices" role="group" aria-label={label}>
      {all.map(one => (
        <button
          key={one}
          name={one}
          aria-pressed={one === chosen}
          onClick={() => onChoose(one)}
        >
          {words[one]}
        </button>
      ))}
    </div>
  );
}

export interface ITimeChoice {
  range: Range;
  /** The time of the range `custom`. */
  custom: ISpan;
  /** The time that is looked at now. */
  span: ISpan;
  onChoose: (choice: { range?: Range; custom?: ISpan }) => void;
  trans: TranslationBundle;
}

export function TimeChoice(props: ITimeChoice): JSX.Element {
  const { range, span, onChoose, trans } = props;
  const ranges: Record<Range, string> = {
    hour: trans.__('Last hour'),
    day: trans.__('24 hours'),
    week: trans.__('7 days'),
    month: trans.__('30 days'),
    custom: trans.__('From – to…')
  };
  return (
    <>
      <Choices
        label={trans.__('Time')}
        all={RANGES}
        words={ranges}
        chosen={range}
        onChoose={chosen =>
          onChoose(
            chosen === 'custom' ? { range: chosen, custom: span } : { range: chosen }
          )
        }
      />
      {range === 'custom' && <Custom {...props} />}
    </>
  );
}

/** Two instants by the reader's clock; what is no span is not asked for. */
function Custom({ custom, onChoose, trans }: ITimeChoice): JSX.Element {
  const [from, setFrom] = useState(localText(custom.from));
  const [to, setTo] = useState(localText(custom.to));
  const isSpan = Date.parse(from) < Date.parse(to);
  const choose = (): void => {
    if (isSpan) {
      onChoose({ custom: { from: Date.parse(from), to: Date.parse(to) } });
    }
  };
  const field = (
    label: string,
    value: string,
    set: (text: string) => void
  ): JSX.Element => (
    <input
      type="datetime-local"
      aria-label={label}
      aria-invalid={!isSpan}
      value={value}
      onChange={event => set(event.target.value)}
      onBlur={choose}
      onKeyDown={event => event.key === 'Enter' && choose()}
    />
  );
  return (
    <>
      {field(trans.__('From'), from, setFrom)}
      {field(trans.__('To'), to, setTo)}
      {!isSpan && <span role="alert">{trans.__('“To” must lie after “From”.')}</span>}
    </>
  );
}

/** An instant as a `datetime-local` field has it. */
function localText(at: number): string {
  const date = new Date(at);
  const shifted = new Date(at - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}
