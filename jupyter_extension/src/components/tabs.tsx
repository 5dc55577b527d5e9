/**
 * The parts of a page as tabs: one is in sight; arrow keys, Home and End go from one to the next.
 */
import React from 'react';

export interface ITabs<Name extends string> {
  /** Names and what they are called, in order. */
  tabs: readonly (readonly [Name, string])[];
  current: Name;
  label: string;
  onShow: (name: Name) => void;
}

export function Tabs<Name extends string>(props: ITabs<Name>): JSX.Element {
  const { tabs, current, label, onShow } = props;
  const onKeyDown = (event: React.KeyboardEvent<HTMLElement>): void => {
    const at = tabs.findIndex(([name]) => name === current);
    const steps: Record<string, number> = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: tabs.length - 1
    };
    const to = steps[event.key];
    const next = to === undefined ? to : tabs[(to + tabs.length) % tabs.length];
    if (next) {
      event.preventDefault();
      onShow(next[0]);
      event.currentTarget
        .querySelector<HTMLElement>(`[role=tab][name="${next[0]}"]`)
        ?.focus();
    }
  };
  return (
    <div
      className="jp-nbflow-Tabs"
      role="tablist"
      aria-label={label}
      onKeyDown={onKeyDown}
    >
      {tabs.map(([name, text]) => (
        <button
          key={name}
          role="tab"
          name={name}
          aria-selected={current === name}
          tabIndex={current === name ? 0 : -1}
          onClick={() => onShow(name)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
