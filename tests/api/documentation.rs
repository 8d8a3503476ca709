//! What the server tells about itself.

use kassette_wire::problem::Code;

use crate::server::{A, over_every_store};

#[test]
fn the_description_and_its_viewer_come_from_the_server() {
    over_every_store(|server| {
        let document = server.call("GET", "/v2/openapi.json").send().ok(200);
        assert_eq!(document["openapi"], "3.1.0");
        let redirect = server.call("GET", "/docs").send();
        assert_eq!((redirect.status, redirect.header("location")), (307, Some("docs/")));
        let index = server.call("GET", "/docs/").send();
        assert_eq!(index.status, 200);
        let text = index.text();
        assert!(text.contains("swagger-ui"), "{text}");
        assert!(!text.contains("https://") && !text.contains("//unpkg"), "nothing comes from elsewhere: {text}");
        for file in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
            assert_eq!(server.call("GET", &format!("/docs/{file}")).send().status, 200, "{file}");
        }
        let initializer = server.call("GET", "/docs/swagger-initializer.js").send().text();
        assert!(initializer.contains("../openapi.json"), "{initializer}");
        server.call("GET", "/docs/nothing.js").send().problem(404, "not-found");
    });
}

#[test]
fn every_problem_type_leads_to_its_page() {
    over_every_store(|server| {
        let problem = server.operation(A, "/v1/echo", "{}").send().problem(400, "version-unsupported");
        let page = server.call("GET", problem["type"].as_str().unwrap()).send();
        assert_eq!(page.header("content-type"), Some("text/markdown; charset=utf-8"));
        assert!(page.text().starts_with("# version-unsupported"));
        let html = server.call("GET", "/docs/errors/not-found").header("accept", "text/html,*/*").send();
        assert!(html.text().contains("<title>not-found</title>"));
        let list = server.call("GET", "/docs/errors").send().text();
        for code in Code::ALL {
            assert!(list.contains(&format!("`{code}`")), "{code}");
        }
        server.call("GET", "/docs/errors/nonsense").send().problem(404, "not-found");
    });
}

#[test]
fn health_and_readiness() {
    over_every_store(|server| {
        assert_eq!(server.call("GET", "/healthz").send().ok(200)["status"], "ok");
        let ready = server.call("GET", "/readyz").send().ok(200);
        assert_eq!((&ready["ready"], &ready["environment"]), (&true.into(), &"sandbox".into()));
        let head = server.call("HEAD", "/healthz").send();
        assert_eq!((head.status, head.body.len()), (200, 0));
    });
}
