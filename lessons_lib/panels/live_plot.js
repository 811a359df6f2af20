/* The view of a LivePlot (live_plot.py holds the history and explains the protocol).

   to the kernel      {op: "plotly"}                 this page has no plotly.js yet
                      {op: "hello"}                  send the whole figure
                      {op: "drawn", frame}           drawn up to this frame
   from the kernel    {op: "plotly"} + [source]
                      {op: "frame", frame, parts, figure | layout} + [float32 x and y of every part]
                         parts    [[trace, start, count], ...]: keep the first `start` points, then these
                         figure   {data, layout, narrow}: forget everything before this frame
                         layout   changed top-level entries of the layout
*/

const PLOTLY_SECONDS = 30;

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
      clearTimeout(timer);
      reject(new Error(reason));
    };
    const timer = setTimeout(() => giveUp("the kernel sent no plotly.js"), PLOTLY_SECONDS * 1000);
    const receive = (message, buffers) => {
      if (message.op !== "plotly") return;
      model.off("msg:custom", receive);
      clearTimeout(timer);
      // JupyterLab's page has an AMD `define`: hidden here, or plotly.js registers itself there and returns nothing.
      const module = { exports: {} };
      new Function("module", "exports", "define", new TextDecoder().decode(buffers[0]))(
        module, module.exports, undefined,
      );
      resolve(module.exports);
    };
    model.on("msg:custom", receive);
    model.on("destroy", () => giveUp("the plot was closed"));
    model.send({ op: "plotly" });
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

// Entries that both hold are merged, so that `narrow` can move an axis without repeating it.
function merged(layout, changes) {
  const result = { ...layout };
  for (const [name, value] of Object.entries(changes)) {
    const plain = value && typeof value === "object" && !Array.isArray(value);
    result[name] = plain ? merged(result[name] ?? {}, value) : value;
  }
  return result;
}

function joined(kept, start, added) {
  const all = new Float32Array(start + added.length);
  all.set(kept.subarray(0, start));
  all.set(added, start);
  return all;
}

async function render({ model, el }) {
  const box = document.createElement("div");
  box.className = "lessons-live-plot";
  box.style.width = "100%";
  box.setAttribute("role", "img");
  const describe = () => box.setAttribute("aria-label", model.get("alt"));
  describe();
  model.on("change:alt", describe);
  el.appendChild(box);

  let closed = false;
  let Plotly = null;
  let figure = null;
  let frame = 0;
  let scheduled = 0;

  function draw() {
    scheduled = 0;
    if (closed || !figure) return;
    // A box of no width is behind another tab: it is drawn when the observer below sees it again.
    const width = box.clientWidth;
    if (width > 0) {
      const { width: limit = 0, ...changes } = figure.narrow;
      const layout = width < limit ? merged(figure.layout, changes) : figure.layout;
      box.style.height = `${layout.height ?? 400}px`;
      figure.revision += 1;
      Plotly.react(
        box, figure.data, { ...inTheme(layout), width, autosize: false, datarevision: figure.revision },
        { displayModeBar: false },
      );
      box.dataset.drawn = String(Number(box.dataset.drawn ?? 0) + 1);
    }
    model.send({ op: "drawn", frame });
  }
  function schedule() {
    scheduled ||= requestAnimationFrame(draw);
  }

  function receive(message, buffers) {
    if (message.op !== "frame") return;
    if (message.figure) {
      figure = { ...message.figure, revision: figure?.revision ?? 0 };
    } else if (!figure || message.frame <= frame) {
      return;
    } else if (message.frame > frame + 1) {
      // A frame was lost (a cut connection): only a whole figure can be trusted again.
      model.send({ op: "hello" });
      return;
    }
    frame = message.frame;
    Object.assign(figure.layout, message.layout);
    const bytes = buffers[0];
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    let position = 0;
    const next = (count) => values.subarray(position, (position += count));
    for (const [trace, start, count] of message.parts) {
      const curve = figure.data[trace];
      curve.x = joined(curve.x ?? new Float32Array(), start, next(count));
      curve.y = joined(curve.y ?? new Float32Array(), start, next(count));
    }
    schedule();
  }

  const theme = new MutationObserver(schedule);
  const size = new ResizeObserver(schedule);

  // Returned at once: a view closed while plotly.js is still under way must be cleaned up too.
  loadPlotly(model)
    .catch(() => loadPlotly(model))
    .then((loaded) => {
      if (closed) return;
      Plotly = loaded;
      model.on("msg:custom", receive);
      theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
      size.observe(box);
      model.send({ op: "hello" });
    })
    .catch((error) => {
      box.textContent = `The live plot could not start (${error.message}): run this cell again.`;
    });

  return () => {
    closed = true;
    cancelAnimationFrame(scheduled);
    model.off("msg:custom", receive);
    model.off("change:alt", describe);
    theme.disconnect();
    size.disconnect();
    Plotly?.purge(box);
  };
}

export default { render };
