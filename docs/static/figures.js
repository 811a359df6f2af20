// Draws each figure of a page when it comes near the window, in the colours of the page's theme.

const root = document.documentElement;

function themed(layout) {
  const style = getComputedStyle(root);
  const colour = name => style.getPropertyValue(name).trim();
  const size = pixels => pixels && { size: Number(pixels) };
  const axis = { gridcolor: colour("--pst-color-border"), linecolor: colour("--pst-color-border"),
    zerolinecolor: colour("--pst-color-border") };
  const template = layout.template?.layout ?? {};
  return { ...layout, autosize: true, width: undefined,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    // Plotly's colour of a pressed button is white in either theme.
    updatemenus: layout.updatemenus?.map(menu => ({ ...menu, showactive: false, bgcolor: "rgba(0,0,0,0)" })),
    font: { ...layout.font, color: colour("--pst-color-text-base"), ...size(colour("--figure-font-size")) },
    template: { ...layout.template, layout: { ...template,
      xaxis: { ...template.xaxis, ...axis }, yaxis: { ...template.yaxis, ...axis } } } };
}

function draw(element) {
  const { data, layout, frames } = element.stored;
  return Plotly.react(element, data, themed(layout), { displayModeBar: false, responsive: true })
    .then(() => frames && !element.framed && Plotly.addFrames(element, frames))
    .then(() => { element.framed = true; element.dataset.drawn = "yes"; });
}

const near = new IntersectionObserver(entries => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) { near.unobserve(target); draw(target); }
  }
}, { rootMargin: "600px" });

window.showFigure = (element, figure) => {
  element.stored = figure;
  return draw(element);
};

for (const element of document.querySelectorAll(".live-figure:has(> script)")) {
  element.stored = JSON.parse(element.firstElementChild.textContent);
  element.replaceChildren();
  near.observe(element);
}

new MutationObserver(() => document.querySelectorAll(".live-figure[data-drawn]").forEach(draw))
  .observe(root, { attributes: true, attributeFilter: ["data-theme"] });
