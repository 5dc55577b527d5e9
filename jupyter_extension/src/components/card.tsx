/**
 * A card of a page: its title, what stands beside it, the buttons of what can be done.
 */
import React from 'react';

export interface ICard {
  title: string;
  className?: string;
  tools?: React.ReactNode;
  children: React.ReactNode;
}

export function Card({ title, className, tools, children }: ICard): JSX.Element {
  return (
    <section
      className={`jp-nbflow-Card${className ? ` ${className}` : ''}`}
      aria-label={title}
    >
      <div className="jp-nbflow-Card-head">
        <h2>{title}</h2>
        {tools}
      </div>
      {children}
    </section>
  );
}

export interface ITool {
  name: string;
  label: string;
  onClick: () => void;
  disabled?: boolean;
  /** Why it cannot be done; empty: it can. */
  not?: string;
  accent?: boolean;
}

/** The buttons at the end of a head. */
export function CardTools({ tools }: { tools: readonly ITool[] }): JSX.Element {
  return (
    <span className="jp-nbflow-Card-tools">
      {tools.map(({ name, label, onClick, disabled, not, accent }) => (
        <button
          key={name}
          className={`jp-nbflow-Button${accent ? ' jp-mod-accent' : ''}`}
          name={name}
          title={not || undefined}
          disabled={disabled || Boolean(not)}
          onClick={onClick}
        >
          {label}
        </button>
      ))}
    </span>
  );
}
