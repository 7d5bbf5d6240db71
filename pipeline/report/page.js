/* The page is whole without this: it makes the drawn charts answer the pointer and fit the window. */
const figures = JSON.parse(document.getElementById("figures").textContent);
const options = { actions: false, ast: true, renderer: "svg", defaultStyle: false, tooltip: { theme: "custom", disableDefaultStyle: true } };
for (const [name, spec] of Object.entries(figures)) {
  const place = document.getElementById(`chart-${name}`);
  vegaEmbed(place, { ...spec, width: "container" }, options).then(() => { place.dataset.live = "yes"; });
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
