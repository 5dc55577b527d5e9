"""What is looked for in any screen of a real browser: what keeps people from using it.

Every check takes a page and the selector of our elements on it, and gives what is wrong, in words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "jupyter_extension/node_modules/axe-core/axe.min.js"

#: of several roots (a selector may find more) all are looked at
RUN_AXE = """async ([root, rules]) => {
  const options = { resultTypes: ['violations'], elementRef: false };
  if (rules) options.runOnly = rules;
  const { violations, passes } = await axe.run({ include: [[root]] }, options);
  return {
    rules: passes.length + violations.length,
    violations: violations.map(({ id, impact, nodes }) => ({
      id, impact,
      nodes: nodes.map(({ html, any, all, none }) =>
        html.slice(0, 160) + ' — ' + [...any, ...all, ...none].map(one => one.message).join('; ')),
    })),
  };
}"""

#: remembers how everything looks that the focus may be shown on, then gives the focus to the root
BEFORE_TABBING = """root => {
  const look = node => {
    const of = ['', '::before', '::after'].map(which => {
      const style = getComputedStyle(node, which || undefined);
      return [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow,
        style.borderColor, style.borderWidth, style.backgroundColor, style.stroke,
        style.strokeWidth, style.textDecorationLine].join();
    });
    return of.join('|');
  };
  document.activeElement?.blur();
  const looks = new Map();
  for (const node of root.querySelectorAll('*'))
    for (const one of [node, ...(node.shadowRoot?.querySelectorAll('*') ?? [])])
      looks.set(one, look(one));
  window.focusLook = { root, looks, look, met: new Set() };
  root.tabIndex = -1;
  root.focus();
  root.removeAttribute('tabindex');
}"""
#: says which element has the focus now, and whether it can be seen; null: it has left, or was there
AT_STOP = """() => {
  const { root, looks, look, met } = window.focusLook;
  const node = document.activeElement;
  if (!node || !root.contains(node) || node === root) return { left: true };
  if (met.has(node)) return { again: true };
  met.add(node);
  const box = node.getBoundingClientRect();
  const near = [node, node.parentElement, node.parentElement?.parentElement,
    node.nextElementSibling, node.closest('label'),
    ...node.querySelectorAll('*'), ...(node.shadowRoot?.querySelectorAll('*') ?? [])]
    .filter(Boolean);
  const label = node.id && root.querySelector(`label[for="${CSS.escape(node.id)}"]`);
  if (label) near.push(label);
  return {
    name: node.outerHTML.slice(0, 140),
    shown: near.some(one => (looks.has(one) ? looks.get(one) !== look(one) : false))
      || getComputedStyle(node).outlineStyle !== 'none' && !looks.has(node),
    inSight: box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0
      && box.top < innerHeight && box.left < innerWidth,
  };
}"""

#: what is cut off or hangs over, where it cannot be scrolled to
CUT = """root => {
  const found = [];
  const hidden = node => {
    const style = getComputedStyle(node);
    return style.visibility === 'hidden' || style.display === 'none'
      || style.clipPath !== 'none' || style.opacity === '0';
  };
  const leaves = [...root.querySelectorAll('*')].filter(node =>
    !node.closest('svg') && node.getClientRects().length
    && ([...node.childNodes].some(one => one.nodeType === 3 && one.data.trim())
        || node.matches('input, select, textarea, button, img')));
  for (const leaf of leaves) {
    if (hidden(leaf)) continue;
    const box = leaf.getBoundingClientRect();
    let scrolls = { x: false, y: false }, ellipsis = false;
    for (let node = leaf; node && node !== document.documentElement; node = node.parentElement) {
      const style = getComputedStyle(node);
      if (node !== leaf && hidden(node)) break;
      ellipsis ||= style.textOverflow === 'ellipsis' || style.webkitLineClamp !== 'none';
      if (node === leaf) continue;
      const around = node.getBoundingClientRect();
      for (const [axis, from, to] of [['x', 'left', 'right'], ['y', 'top', 'bottom']]) {
        const way = style[axis === 'x' ? 'overflowX' : 'overflowY'];
        if (way === 'visible' || scrolls[axis]) continue;
        if (way === 'auto' || way === 'scroll') { scrolls[axis] = true; continue; }
        const over = box[to] > around[to] + 1.5 || box[from] < around[from] - 1.5;
        if (over && !ellipsis) {
          found.push(`${axis}: ${leaf.outerHTML.slice(0, 120)} in ${node.className}`);
          scrolls[axis] = true;
        }
      }
      if (node === root) break;
    }
  }
  const wide = [...root.querySelectorAll('*'), root].filter(node => {
    const way = getComputedStyle(node).overflowX;
    return (way === 'auto' || way === 'scroll') && node.clientWidth > 0
      && node.scrollWidth > node.clientWidth + 1
      && !node.querySelector('table, pre, svg, img, code') && !node.closest('pre, table')
      && !node.matches('input, textarea, pre');
  });
  return [...new Set([...found, ...wide.map(node => `scrolls sideways: ${node.className}`)])];
}"""

#: what is wider than the screen it is on; a table or a text of fixed lines has a bar of its own
TOO_WIDE = """root => {
  const boxes = [root, ...root.querySelectorAll('*')].filter(node =>
    !node.closest('svg, pre, .jp-OutputArea, .cm-editor') && !node.matches('input, textarea'));
  const page = document.documentElement;
  const found = page.scrollWidth > page.clientWidth ? ['the whole page'] : [];
  const edge = root.getBoundingClientRect().right + 2;
  for (const node of boxes) {
    const bars = ['auto', 'scroll'].includes(getComputedStyle(node).overflowX);
    if (bars && node.scrollWidth > node.clientWidth + 1 && !node.querySelector('table, pre'))
      found.push(`scrolls sideways: ${node.outerHTML.slice(0, 120)}`);
    let clipped = false;
    for (let up = node.parentElement; up && up !== root.parentElement; up = up.parentElement)
      clipped ||= getComputedStyle(up).overflowX !== 'visible';
    if (!clipped && node.getBoundingClientRect().right > edge)
      found.push(`hangs over: ${node.outerHTML.slice(0, 120)}`);
  }
  return found.slice(0, 5);
}"""

MOVES = """root => document.getAnimations()
  .filter(one => one.playState === 'running' && root.contains(one.effect?.target ?? null))
  .map(one => `${one.animationName ?? one.transitionProperty}: ${one.effect.target.className}`)"""

#: remembers what is painted by its background alone; the second says what of it can be seen no more
PAINTED = """root => {
  const behind = node => {
    for (let up = node.parentElement; up; up = up.parentElement) {
      const colour = getComputedStyle(up).backgroundColor;
      if (!colour.endsWith(', 0)')) return colour;
    }
    return '';
  };
  const plain = node => !node.childElementCount && !node.textContent.trim() && node.clientWidth > 1
    && node.clientHeight > 1 && !node.matches(
      'svg *, svg, img, input, select, textarea, .jp-nbflow-Skeleton-row');
  const ours = [...root.querySelectorAll('[class*=jp-nbflow]')];
  window.painted = { behind, nodes: ours.filter(node => {
    const { backgroundColor } = getComputedStyle(node);
    return plain(node) && !backgroundColor.endsWith(', 0)') && backgroundColor !== behind(node);
  }) };
}"""
UNSEEN = """() => window.painted.nodes.filter(node => node.isConnected && (() => {
  const style = getComputedStyle(node);
  return style.forcedColorAdjust !== 'none' && style.borderTopStyle === 'none'
    && style.outlineStyle === 'none' && style.backgroundColor === window.painted.behind(node);
})()).map(node => node.className)"""


def violations(
    page: Page, root: str, rules: list[str] | None = None
) -> tuple[list[str], list[str]]:
    """Have axe look (by these rules only): give the grave violations, then the lesser ones."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm ci in jupyter_extension")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate(RUN_AXE, [root, rules])
    assert rules or found["rules"] > 0, f"axe saw nothing in {root}"
    grave, lesser = [], []
    for one in found["violations"]:
        into = grave if one["impact"] in ("serious", "critical") else lesser
        into += [f"{one['id']}: {node}" for node in one["nodes"]]
    return grave, lesser


def tab_stops(page: Page, root: str, most: int = 150) -> tuple[int, list[str]]:
    """Go through by Tab: give how many stops there are, and those that cannot be seen."""
    page.locator(root).first.evaluate(BEFORE_TABBING)
    unseen: list[str] = []
    for count in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(AT_STOP)
        if stop.get("left") or stop.get("again"):
            return count, unseen
        if not stop["shown"]:
            unseen.append(f"no visible focus: {stop['name']}")
        if not stop["inSight"]:
            unseen.append(f"out of sight: {stop['name']}")
    return most, [*unseen, f"Tab does not leave after {most} stops"]


def cut_off(page: Page, root: str) -> list[str]:
    """Give what is cut off or hangs over the edge and cannot be scrolled to."""
    return page.locator(root).first.evaluate(CUT)


def too_wide(page: Page, root: str) -> list[str]:
    """Give what a long text has made wider than the screen."""
    cut = [one for one in cut_off(page, root) if one.startswith("x")]
    return page.locator(root).first.evaluate(TOO_WIDE) + cut


def moving(page: Page, root: str) -> list[str]:
    """Give what moves by itself."""
    return page.locator(root).first.evaluate(MOVES)


def lost_in_forced_colours(page: Page, root: str) -> list[str]:
    """Give what is drawn by its background alone, and not to be seen in forced colours."""
    page.locator(root).first.evaluate(PAINTED)
    page.emulate_media(forced_colors="active")
    lost = page.evaluate(UNSEEN)
    page.emulate_media(forced_colors="none")
    return sorted(set(lost))
