/* The view of a LivePlot (live_plot.py holds the history and explains the protocol).

   to the kernel      {op: "plotly"}                 this page has no plotly.js yet
                      {op: "hello"}                  send the whole figure
                      {op: "drawn", frame}           drawn up to this frame
   from the kernel    {op: "plotly"} + [source]
                      {op: "frame", frame, parts, figure | layouts} + [float32 x and y of every part]
                         parts    [[trace, start, count], ...]: keep the first `start` points, then these
                         figure   {traces: [[plot, trace], ...], layouts: [...]}: forget everything before this frame
                         layouts  {plot: changed top-level entries of its layout}
*/

const ASK_AGAIN = 60_000;
const EXPLAIN_AFTER = 3_000;

// One copy of plotly.js serves every plot on the page: five megabytes, asked for by whichever plot comes first.
function loadPlotly(model) {
  globalThis.__lessonsPlotly ??= requestPlotly(model).catch((error) => {
    delete globalThis.__lessonsPlotly;
    throw error;
  });
  return globalThis.__lessonsPlotly;
}

function requestPlotly(model) {
  return new Promise((resolve, reject) => {
    const giveUp = (reason) => {
      model.off("msg:custom", receive);
      clearInterval(asking);
      reject(new Error(reason));
    };
    // A kernel that is busy with other cells, after Run All for instance, answers late; a request lost with its
    // connection is never answered.
    const ask = () => model.send({ op: "plotly" });
    const asking = setInterval(ask, ASK_AGAIN);
    const receive = (message, buffers) => {
      if (message.op !== "plotly") return;
      model.off("msg:custom", receive);
      clearInterval(asking);
      // JupyterLab's page has an AMD `define`: hidden here, or plotly.js registers itself there and returns nothing.
      const module = { exports: {} };
      new Function("module", "exports", "define", new TextDecoder().decode(buffers[0]))(
        module, module.exports, undefined,
      );
      resolve(module.exports);
    };
    model.on("msg:custom", receive);
    model.on("destroy", () => giveUp("the plot was closed"));
    ask();
  });
}

function themeColours() {
  const style = getComputedStyle(document.body);
  const colour = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const dark = document.body.dataset.jpThemeLight === "false";
  return {
    text: colour("--jp-ui-font-color1", dark ? "#eeeeee" : "#212121"),
    background: colour("--jp-layout-color0", dark ? "#111111" : "#ffffff"),
    grid: colour("--jp-border-color2", dark ? "#444444" : "#e0e0e0"),
    axis: colour("--jp-border-color1", dark ? "#666666" : "#bdbdbd"),
  };
}

function inTheme(layout) {
  const { text, background, grid, axis } = themeColours();
  const themed = structuredClone(layout);
  themed.paper_bgcolor = themed.plot_bgcolor = background;
  themed.font = { ...themed.font, color: text };
  themed.hoverlabel = { ...themed.hoverlabel, bgcolor: background, bordercolor: axis, font: { color: text } };
  for (const [name, entry] of Object.entries(themed)) {
    if (/^[xy]axis\d*$/.test(name)) Object.assign(entry, { gridcolor: grid, zerolinecolor: axis, linecolor: axis });
    if (/^legend\d*$/.test(name)) entry.bgcolor = "rgba(0,0,0,0)";
  }
  return themed;
}

function joined(kept, start, added) {
  const all = new Float32Array(start + added.length);
  all.set(kept.subarray(0, start));
  all.set(added, start);
  return all;
}

const NO_NUMBERS = { showticklabels: false, showgrid: false, ticks: "" };
let explained = 0;

// Room for one plot: for those who see it, the picture and what it is about; `layout.meta.says` is one sentence.
function roomFor(layout) {
  const room = document.createElement("div");
  room.className = "lessons-live-plot-room";
  const part = room.appendChild(document.createElement("div"));
  part.className = "lessons-live-plot-part";
  part.setAttribute("aria-hidden", "true"); // the words for it stand beside it
  const { says, about } = layout.meta ?? {};
  if (!says) return room;
  const help = room.appendChild(document.createElement("button"));
  Object.assign(help, { className: "lessons-live-plot-help", type: "button", textContent: "?" });
  help.setAttribute("aria-label", `What is “${about}”?`);
  const sentence = room.appendChild(document.createElement("div"));
  Object.assign(sentence, { className: "lessons-live-plot-says", id: `lessons-says-${(explained += 1)}`, textContent: says });
  help.setAttribute("aria-describedby", sentence.id);
  help.addEventListener("keydown", (event) => event.key === "Escape" && help.blur());
  return room;
}

async function render({ model, el }) {
  const box = document.createElement("div");
  box.className = "lessons-live-plot";
  const words = box.appendChild(document.createElement("span"));
  words.className = "lessons-live-plot-words";
  words.setAttribute("role", "img");
  const describe = () => words.setAttribute("aria-label", model.get("alt"));
  describe();
  model.on("change:alt", describe);
  el.appendChild(box);

  let closed = false;
  let Plotly = null;
  let figure = null;
  let frame = 0;
  let timer = 0;
  let restUntil = 0;
  let revision = 0;
  const dirty = new Set(); // plots in which something changed, the one that has waited longest first

  function schedule(plots) {
    for (const plot of plots) dirty.add(plot);
    timer ||= setTimeout(() => requestAnimationFrame(draw), Math.max(0, restUntil - performance.now()));
  }
  const all = () => [...(figure?.layouts.keys() ?? [])];

  // One plot at a time: the page hears its keyboard and pointer in between.
  function draw() {
    timer = 0;
    if (closed || !figure) return;
    // A box of no width is behind another tab: it is drawn when the observer below sees it again.
    const [plot] = box.clientWidth > 0 ? dirty : [];
    if (plot !== undefined) {
      const started = performance.now();
      dirty.delete(plot);
      drawPlot(plot);
      // A slider must never wait for a queue of pictures.
      restUntil = performance.now() + model.get("rest") * (performance.now() - started);
    }
    if (plot !== undefined && dirty.size) schedule([]);
    else model.send({ op: "drawn", frame });
  }

  const rooms = [];

  function makeRoom() {
    for (const [plot, layout] of figure.layouts.entries()) {
      rooms[plot] ??= box.appendChild(roomFor(layout));
      rooms[plot].firstChild.style.height = `${layout.height ?? 400}px`;
    }
  }

  function drawPlot(plot) {
    const room = rooms[plot];
    const part = room.firstChild;
    const layout = inTheme(figure.layouts[plot]);
    const traces = figure.traces.filter(([of]) => of === plot).map(([, trace]) => trace);
    const empty = !traces.some((trace) => trace.x?.length);
    room.classList.toggle("lessons-live-plot-empty", empty);
    // Axes that belong to nothing yet bear no numbers.
    if (empty) for (const axis of ["xaxis", "yaxis"]) Object.assign(layout[axis] ??= {}, NO_NUMBERS);
    revision += 1;
    Plotly.react(
      part, traces, { ...layout, width: part.clientWidth, autosize: false, datarevision: revision },
      { displayModeBar: false },
    );
  }

  function receive(message, buffers) {
    if (message.op !== "frame") return;
    if (message.figure) {
      figure = message.figure;
      makeRoom();
    } else if (!figure || message.frame <= frame) {
      return;
    } else if (message.frame > frame + 1) {
      // A frame was lost (a cut connection): only a whole figure can be trusted again.
      model.send({ op: "hello" });
      return;
    }
    frame = message.frame;
    const changed = new Set(message.figure ? all() : []);
    for (const [plot, changes] of Object.entries(message.layouts ?? {})) {
      Object.assign(figure.layouts[plot], changes);
      changed.add(Number(plot));
    }
    const bytes = buffers[0];
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    let position = 0;
    const next = (count) => values.subarray(position, (position += count));
    for (const [trace, start, count] of message.parts) {
      const [plot, curve] = figure.traces[trace];
      curve.x = joined(curve.x ?? new Float32Array(), start, next(count));
      curve.y = joined(curve.y ?? new Float32Array(), start, next(count));
      changed.add(plot);
    }
    schedule(changed);
  }

  const theme = new MutationObserver(() => schedule(all()));
  let width = 0;
  const size = new ResizeObserver(() => {
    if (box.clientWidth !== width) schedule(all());
    width = box.clientWidth;
  });

  // Returned at once: a view closed while plotly.js is still under way must be cleaned up too.
  const notice = el.appendChild(document.createElement("div"));
  const explaining = setTimeout(() => {
    notice.textContent = "Waiting for the kernel: it is busy with other cells, and the plot appears when it is free.";
  }, EXPLAIN_AFTER);
  loadPlotly(model)
    .catch(() => loadPlotly(model))
    .then((loaded) => {
      if (closed) return;
      Plotly = loaded;
      clearTimeout(explaining);
      notice.textContent = "";
      model.on("msg:custom", receive);
      theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
      size.observe(box);
      model.send({ op: "hello" });
    })
    .catch((error) => {
      clearTimeout(explaining);
      notice.textContent = `The live plot could not start (${error.message}): run this cell again.`;
    });

  return () => {
    closed = true;
    clearTimeout(timer);
    clearTimeout(explaining);
    model.off("msg:custom", receive);
    model.off("change:alt", describe);
    theme.disconnect();
    size.disconnect();
    for (const room of rooms) Plotly?.purge(room.firstChild);
  };
}

export default { render };
