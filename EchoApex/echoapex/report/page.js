"use strict";
// Plays each clip's frames in true time, its outlines drawn as lines over them, in step with the curve.
const clips = JSON.parse(document.getElementById("clips").textContent);
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const players = {};

function makePlayer(data) {
  const section = document.getElementById("clip-" + data.id);
  const find = (selector) => section.querySelector(selector);
  const canvas = find("canvas"), pen = canvas.getContext("2d"), slider = find("input[type=range]");
  const button = find("button"), readout = find(".readout"), chart = find("svg.chart");
  const paths = [...section.querySelectorAll(".picture path")];
  const pictures = data.frames.map((address) => Object.assign(new Image(), { src: address }));
  let frame = 0, playing = false, chosen = false, started = 0, offset = 0, request = 0;

  function show(index) {
    frame = index;
    const picture = pictures[index];
    if (picture.complete) pen.drawImage(picture, 0, 0);
    else picture.onload = () => { if (frame === index) pen.drawImage(picture, 0, 0); };
    for (const path of paths) path.setAttribute("d", data.paths[path.dataset.name][index]);
    slider.value = index;
    readout.textContent = data.captions[index];
    if (chart) point(index);
  }

  function point(index) {
    const cursor = chart.querySelector(".cursor"), dot = chart.querySelector(".dot"), y = data.y[index];
    cursor.setAttribute("x1", data.x[index]);
    cursor.setAttribute("x2", data.x[index]);
    cursor.style.visibility = "visible";
    dot.style.visibility = y === null ? "hidden" : "visible";
    if (y !== null) { dot.setAttribute("cx", data.x[index]); dot.setAttribute("cy", y); }
  }

  function step(now) {
    const at = (offset + (now - started) / 1000) % data.duration;
    let index = data.times.findIndex((time) => time > at) - 1;
    if (index < 0) index = data.times.length - 1;
    if (index !== frame) show(index);
    request = requestAnimationFrame(step);
  }

  function play() {
    if (playing || data.times.length < 2) return;
    playing = true;
    button.textContent = "Pause";
    offset = data.times[frame];
    started = performance.now();
    request = requestAnimationFrame(step);
  }

  function pause() {
    playing = false;
    button.textContent = "Play";
    cancelAnimationFrame(request);
  }

  function seek(index) { chosen = true; pause(); show(index); }

  function nearest(event) {
    const box = chart.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * chart.viewBox.baseVal.width;
    return data.x.reduce((best, place, k) => Math.abs(place - x) < Math.abs(data.x[best] - x) ? k : best, 0);
  }

  button.onclick = () => { chosen = true; if (playing) pause(); else play(); };
  slider.oninput = () => seek(Number(slider.value));
  for (const box of section.querySelectorAll(".legend input")) {
    box.onchange = () => {
      for (const path of paths) if (path.dataset.name === box.name) path.style.display = box.checked ? "" : "none";
    };
  }
  if (chart) {
    chart.addEventListener("pointerdown", (event) => seek(nearest(event)));
    chart.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") seek(nearest(event)); });
  }
  show(data.start);
  // In view it plays, unless the reader has taken over or wants no motion.
  new IntersectionObserver((entries) => {
    if (!entries[0].isIntersecting) pause();
    else if (!chosen && !calm) play();
  }, { threshold: 0.4 }).observe(canvas);
  return { seek };
}

for (const data of clips) players[data.id] = makePlayer(data);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-frame]");
  const player = link && players[link.dataset.clip];
  if (!player) return;
  // The link itself leads to the still of this frame; the player of its clip goes there too.
  player.seek(Number(link.dataset.frame));
});
