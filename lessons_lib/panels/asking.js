/* The view of a QuestionWidget: the model holds what each choice is told, so a click is answered here, at once. */

const STYLE = `
.lessons-question { line-height: 1.4; margin: 4px 0; }
.lessons-question .lessons-options { display: flex; flex-wrap: wrap; gap: 4px; margin: 4px 0; }
.lessons-question button.lessons-option {
  width: auto; min-width: 5em; max-width: 100%; height: auto; white-space: normal; text-align: start;
  padding: 4px 10px; line-height: 1.35; border: 1px solid transparent;
}
.lessons-question button.lessons-option[aria-pressed="true"] { border-color: currentColor; font-weight: 600; }
.lessons-question [role="status"] { min-height: 1.4em; }
`;

const PROMPTS = {
  question: "Choose one.",
  bet: "Choose one: you may change your mind until the outcome is known.",
};

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

// The words say it too: colour alone tells nothing to those who do not see it.
function mark(model, option) {
  if (option !== model.get("committed")) return "";
  const outcome = model.get("outcome");
  if (outcome === null) return "● ";
  return option === outcome ? "✓ " : "✗ ";
}

export function render({ model, el }) {
  el.classList.add("lessons-question");
  const isBet = model.get("is_bet");
  const head = element("div", "lessons-asked");
  head.id = `lessons-question-${crypto.randomUUID()}`;
  head.append(element("b", "", `${model.get("label")}.`), ` ${model.get("text")}`);
  const group = element("div", "lessons-options");
  group.setAttribute("role", "group");
  group.setAttribute("aria-labelledby", head.id);
  const buttons = model.get("options").map((option) => {
    const button = element("button", "jupyter-widgets jupyter-button widget-button lessons-option");
    const sign = element("span", "");
    sign.setAttribute("aria-hidden", "true");
    button.append(sign, option);
    button.type = "button";
    button.addEventListener("click", () => {
      if (isBet && model.get("outcome") !== null && model.get("committed") !== null) return;
      model.set("committed", option);
      model.save_changes();
    });
    return { option, button, sign };
  });
  group.append(...buttons.map(({ button }) => button));
  const told = element("div", "");
  told.setAttribute("role", "status");
  el.append(element("style", "", STYLE), head, group, told);

  const show = () => {
    const committed = model.get("committed");
    const settled = isBet && model.get("outcome") !== null && committed !== null;
    for (const { option, button, sign } of buttons) {
      const chosen = option === committed;
      sign.textContent = mark(model, option);
      button.setAttribute("aria-pressed", String(chosen));
      button.setAttribute("aria-disabled", String(settled));
      button.classList.toggle("mod-success", chosen && sign.textContent === "✓ ");
      button.classList.toggle("mod-danger", chosen && sign.textContent === "✗ ");
      button.classList.toggle("mod-info", chosen && sign.textContent === "● ");
    }
    const text = committed === null ? PROMPTS[isBet ? "bet" : "question"] : model.get("replies")[committed];
    if (told.textContent !== text) told.textContent = text;
  };
  const watched = ["change:committed", "change:outcome", "change:replies"];
  for (const name of watched) model.on(name, show);
  show();
  return () => watched.forEach((name) => model.off(name, show));
}
