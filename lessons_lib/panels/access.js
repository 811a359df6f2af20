/* Looks after the panel that it stands in (access.py says what for). */

const LOST = "The kernel was restarted, and this panel's run ended with it: run ";

function named(panel, seen) {
  for (const slider of panel.querySelectorAll(".widget-slider")) {
    const name = slider.querySelector("label")?.textContent;
    for (const handle of slider.querySelectorAll(".noUi-handle")) {
      if (name) handle.setAttribute("aria-label", name);
      if (seen.has(handle)) continue;
      seen.add(handle);
      const logarithmic = slider.classList.contains("lessons-logarithmic");
      const say = () => {
        // The attribute itself is rounded to one digit.
        const now = [handle.closest(".noUi-target").noUiSlider.get(true)].flat()[0];
        const number = logarithmic ? Number((10 ** now).toPrecision(2)) : Number(Number(now).toPrecision(9));
        handle.setAttribute("aria-valuetext", String(number));
      };
      new MutationObserver(say).observe(handle, { attributes: true, attributeFilter: ["aria-valuenow"] });
      say();
    }
  }
  for (const control of panel.querySelectorAll(".lessons-number")) {
    const name = control.querySelector(".widget-slider label")?.textContent;
    if (name) control.querySelector("input[type=text]")?.setAttribute("aria-label", `${name}, typed`);
  }
  for (const line of panel.querySelectorAll(".lessons-status")) line.setAttribute("role", "status");
}

function render({ model, el }) {
  const notice = document.createElement("div");
  notice.className = "lessons-notice";
  notice.setAttribute("role", "status");
  el.append(notice);
  const seen = new WeakSet();
  let panel = null;

  const look = () => {
    panel ??= el.closest(".lessons-panel");
    if (panel) named(panel, seen);
  };
  // The panel's other widgets appear in their own time.
  const looks = [0, 300, 1500, 5000].map((wait) => setTimeout(look, wait));

  // JupyterLab listens at the document: the mark must be there before, and gone again for Ctrl+S.
  const keys = (event) => {
    if (!panel?.contains(event.target)) return;
    look();
    const command = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
    event.target.toggleAttribute("data-lm-suppress-shortcuts", !command);
  };
  window.addEventListener("keydown", keys, true);

  const lost = () => {
    panel?.classList.add("lessons-lost");
    notice.textContent = `${LOST}${model.get("cell")} again, after the cells that it needs.`;
  };
  model.on("comm_live_update", lost);

  const receive = async ({ op, text }) => {
    if (op !== "copy" || !document.hasFocus()) return;
    try {
      await navigator.clipboard.writeText(text);
      notice.textContent = "Copied: paste it into an empty cell.";
    } catch {
      const shown = document.createElement("textarea");
      Object.assign(shown, { value: text, readOnly: true, rows: 8 });
      shown.setAttribute("aria-label", "The code of this run");
      notice.replaceChildren("This browser lets no page write to the clipboard. Copy this:", shown);
      shown.select();
    }
  };
  model.on("msg:custom", receive);

  return () => {
    looks.forEach(clearTimeout);
    window.removeEventListener("keydown", keys, true);
    model.off("comm_live_update", lost);
    model.off("msg:custom", receive);
  };
}

export default { render };
