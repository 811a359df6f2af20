// The recorded first minute: one slider chooses among runs that are the same until step 300.

const { points, config } = window.firstMinute;
const twin = points.find(point => point.bound === null);
const pulled = points.filter(point => point.bound !== null).sort((a, b) => a.bound - b.bound);
const slider = document.querySelector("#replay-bound");
const BLUE = "#3a7bd5", GREY = "#808080";

const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;
const ends = run => mean(run.loss.slice(-20 / config.every));
const error = value => (value >= 0.1 ? value.toFixed(1) : value.toPrecision(1));

function picture(id, field, title, log, run, range, words) {
  const line = (of, name, style) => ({ x: of.steps, y: of[field], name, mode: "lines", line: style });
  const element = document.getElementById(id);
  element.setAttribute("aria-label", words);
  return showFigure(element, {
    data: [
      line(twin, "left alone", { color: GREY, dash: "2px,2px", width: 2 }),
      line(run, `λ = ${run.bound}`, { color: BLUE, width: 2.5 }),
    ],
    layout: {
      title: { text: title, font: { size: 15 } }, height: 320, margin: { l: 55, r: 10, t: 40, b: 80 },
      legend: { orientation: "h", y: -0.28 }, template: {},
      xaxis: { title: { text: "training step" }, range: [0, config.steps] },
      yaxis: { type: log ? "log" : "linear", range, exponentformat: "power" },
      shapes: [{ type: "line", x0: config.at, x1: config.at, yref: "paper", y0: 0, y1: 1,
        line: { color: GREY, dash: "dot", width: 1 } }],
      annotations: [{ x: config.at, yref: "paper", y: 1, yanchor: "bottom", showarrow: false, text: "λ pulled" }],
    },
  });
}

function show() {
  const run = pulled[slider.value];
  const last = run.error.at(-1), free = twin.error.at(-1);
  const loss = `At step ${config.steps} the loss is ${ends(run).toFixed(2)} nats a word, the twin's ${ends(twin).toFixed(2)}.`;
  const cut = `Seeing only the last ${config.context_length} words moves its outputs by at most ${error(last)}, the twin's by ${error(free)}.`;
  slider.setAttribute("aria-valuetext", `λ = ${run.bound}`);
  document.querySelector("#replay-value").textContent = run.bound;
  document.querySelector("#replay-words").textContent = `λ = ${run.bound}. ${loss} ${cut}`;
  return Promise.all([
    picture("replay-loss", "loss", "Training loss (nats a word)", false, run, [4.4, 5.6], loss),
    picture("replay-error", "error", `Error when only the last ${config.context_length} words are seen`, true, run, [-6.5, 2], cut),
  ]);
}

slider.max = pulled.length - 1;
slider.value = pulled.length - 1;
slider.addEventListener("input", show);
show();
