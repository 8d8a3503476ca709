//! Nothing of one cash box is ever seen by another: what belongs to somebody else is as absent as what never was.

use kassette::http::ROUTES;
use kassette::http::routes::Access;

use crate::server::{A, B, fresh, over_every_store, sale};

#[test]
fn every_read_of_what_belongs_to_another_is_as_if_it_did_not_exist() {
    over_every_store(|server| {
        let operation = fresh();
        let receipt = server.call("POST", "/v2/sign").of(A).id(operation).body(sale("mine")).send().ok(201);
        let queue_item = receipt["ftQueueItemID"].as_str().unwrap();
        let entries = server.call("GET", &format!("/v2/PeekJournalItem/{}/ReceiptJournal", A.queue())).of(A).send();
        let receipt_id = entries.json()[1]["ftReceiptJournalId"].as_str().unwrap().to_owned();
        let mut tried = 0;
        for route in ROUTES.iter().filter(|route| route.access == Access::CashBox && route.template.contains('{')) {
            for queue in [A.queue(), B.queue()] {
                for storage in ["OperationItem", "QueueItem", "ReceiptJournal", "ActionJournal"] {
                    for id in [operation.to_string(), queue_item.to_owned(), receipt_id.clone()] {
                        // Listing the own queue is the one read here that B may make.
                        if queue == B.queue()
                            && !route.template.contains("{id}")
                            && route.template.contains("{queueId}")
                        {
                            continue;
                        }
                        let path = |id: &str| {
                            let path = route
                                .template
                                .replace("{queueId}", &queue.to_string())
                                .replace("{storageType}", storage);
                            path.replace("{operationId}", id).replace("{id}", id)
                        };
                        let foreign = server.call(route.method, &path(&id)).of(B).send();
                        let absent = server.call(route.method, &path(&fresh().to_string())).of(B).send();
                        foreign.problem(404, "not-found");
                        assert_eq!(foreign.body, absent.body, "{} {storage} {id}", route.template);
                        tried += 1;
                    }
                }
            }
        }
        assert!(tried >= 24);
        let listed = server.call("GET", &format!("/v2/PeekJournalItem/{}/OperationItem", B.queue())).of(B).send();
        assert!(!listed.text().contains(&operation.to_string()));
    });
}

#[test]
fn routes_that_need_a_cash_box_refuse_everybody_else() {
    over_every_store(|server| {
        for route in ROUTES {
            let id = fresh().to_string();
            let path = route.template.replace("{queueId}", &id).replace("{storageType}", "OperationItem");
            let path = path.replace("{operationId}", &id).replace("{id}", &id).replace("{code}", "not-found");
            let reply = server.call(route.method, &path.replace("{file}", "index.html")).send();
            match route.access {
                Access::CashBox => {
                    reply.problem(400, "header-missing");
                }
                Access::Open => assert!(matches!(reply.status, 200 | 307), "{path}: {}", reply.status),
            }
        }
    });
}
