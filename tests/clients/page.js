// As much of a browser's page as a client needs for JSONP: scripts are fetched and run, forms posted as browsers do.
// Required before driver.js (`node --require`), which then drives clients of such a page.
"use strict";

const http = require("node:http");
const vm = require("node:vm");

class Element {
  constructor(tagName) {
    if (!/^\w+$/.test(tagName)) throw new Error(`${tagName} is no element's name`);
    this.tagName = tagName;
    this.style = {};
    this.children = [];
  }

  setAttribute(name, value) {
    this[name] = value;
  }

  appendChild(child) {
    this.children.push(child);
    child.parentNode = this;
    if (child.tagName === "script") run(child);
  }

  insertBefore(child) {
    this.appendChild(child);
  }

  removeChild(child) {
    this.children = this.children.filter((other) => other !== child);
    child.parentNode = null;
  }

  // Posts the form; the answer loads into its iframe.
  submit() {
    const { name, value } = this.children.find((child) => child.tagName === "textarea");
    const iframe = this.children.find((child) => child.tagName === "iframe");
    const field = new URLSearchParams([[name, value.replace(/\r?\n/g, "\r\n")]]).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(field) };
    http
      .request(this.action, { method: "POST", headers, agent: false }, (answer) => {
        answer.resume().on("end", () => iframe.onload());
      })
      .on("error", () => {})
      .end(field);
  }
}

function run(script) {
  http
    .get(script.src, { agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part) => (text += part));
      answer.on("end", () => {
        if (!script.parentNode) return; // taken out of the page
        if (answer.statusCode !== 200 || !answer.headers["content-type"].startsWith("text/javascript")) {
          script.onerror(new Error(`${answer.statusCode} ${text}`));
        } else {
          vm.runInThisContext(text);
        }
      });
    })
    .on("error", (error) => script.parentNode && script.onerror(error));
}

globalThis.document = {
  createElement: (tagName) => new Element(tagName),
  getElementsByTagName: () => [],
  body: new Element("body"),
};
