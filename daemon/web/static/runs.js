// A filter that is changed is applied at once.

const filters = document.getElementById("filters");
if (filters) filters.addEventListener("change", (event) => {
  if (event.target.matches("select, input[type=checkbox]")) filters.requestSubmit();
});
