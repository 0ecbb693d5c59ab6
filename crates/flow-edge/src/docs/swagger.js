// Each of ten errors with its example fills pages. They are one line each, until someone opens one.
const foldErrors = ({ React }) => ({
  wrapComponents: {
    response: (Response) => (props) => {
      const [open, setOpen] = React.useState(props.code < "400");
      if (open) return React.createElement(Response, props);
      const show = { className: "show-error", "aria-expanded": false, onClick: () => setOpen(true) };
      return React.createElement("tr", { className: "response" },
        React.createElement("td", { className: "response-col_status" }, props.code),
        React.createElement("td", { className: "response-col_description" },
          React.createElement("button", show, props.response.get("description"))));
    },
  },
});

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  // The schemas are long, and each operation shows its own.
  defaultModelsExpandDepth: 0,
  plugins: [foldErrors],
});
