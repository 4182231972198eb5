//! Texts in the reader's language.

use inspection_domain::users::Role;
use inspection_testkit::builders;
use serde_json::json;

use crate::site::on_both;

on_both! {
    fn readers_get_their_language_where_it_exists(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        let machine = builders::equipment(&site.db, &site.context);
        let arab = builders::user_with(&site.db, &site.context, Role::Inspector, |body| body["language"] = json!("ar"));
        builders::submitted(&site.db, &site.context, &arab, &machine, &[0]);
        let (reader, client) = (site.client(&arab), site.client(&admin));
        let path = format!("/api/equipment/{}", machine.id);

        let location = |answer: inspection_testkit::clients::Answer| answer.data()["location"].clone();
        assert_eq!(location(client.get(&path)), "North quay");
        assert_eq!(location(reader.get(&path)), "الرصيف الشمالي", "the user's own language");
        assert_eq!(location(reader.with_header("accept-language", "en").get(&path)), "North quay");
        assert_eq!(location(client.with_header("accept-language", "de, en;q=0.2, ar;q=0.9").get(&path)), "الرصيف الشمالي");
        assert_eq!(location(reader.with_header("accept-language", "ar").get(&format!("{path}?lang=en"))), "North quay");
        let both = reader.get(&path);
        assert_eq!((&both.data()["location_en"], &both.data()["location_ar"], &both.data()["name"]),
            (&json!("North quay"), &json!("الرصيف الشمالي"), &json!(machine.name)), "names are technical");

        let checklist = client.get(&format!("/api/checklists/{}?lang=ar", template.id));
        assert_eq!((&checklist.data()["name"], &checklist.data()["name_en"]), (&json!("فحص الرافعة"), &json!("Crane check")));
        assert_eq!(checklist.data()["items"][0]["question_text"], "هل الفرامل سليمة؟");
        assert_eq!(checklist.data()["items"][0]["question_text_en"], "Are the brakes sound?");

        let (routine, _) = builders::routine(&site.db, &site.context, &admin, template.id);
        let path_of_routine = format!("/api/inspection-routines/{}", routine.id);
        let routine = client.get(&format!("{path_of_routine}?lang=ar"));
        assert_eq!((&routine.data()["name"], &routine.data()["name_en"]), (&json!("الجولة اليومية"), &json!("Daily round")));
        client.put(&path_of_routine, routine.data()).data();
        assert_eq!(client.get(&path_of_routine).data()["name"], "Daily round");

        let defects = reader.get("/api/defects");
        assert_eq!(defects.data()[0]["description"], "فشل: هل الفرامل سليمة؟");
        assert_eq!(defects.data()[0]["description_en"], "Failed: Are the brakes sound?");
        assert_eq!(defects.data()[0]["equipment"]["location"], "الرصيف الشمالي");
        let told = reader.get("/api/notifications");
        assert_eq!(told.data()[0]["title"], "تم رصد عيب");
        assert_eq!(told.data()[0]["title_en"], "Defect found");
        let told = client.get("/api/notifications?type=inspection_submitted");
        assert_eq!(told.data()[0]["message"], format!("{} submitted the inspection of {}: fail.", arab.full_name, machine.name));

        // Who sends back what was read in Arabic doesn't lose the original.
        let sent_back = client.put(&format!("{path}?lang=ar"), client.get(&format!("{path}?lang=ar")).data());
        assert_eq!(sent_back.data()["location_en"], "North quay");
        let only_read = client.put(&path, &json!({"location": "الرصيف الشمالي"}));
        assert_eq!(only_read.data()["location_en"], "North quay");
        assert_eq!(client.put(&path, &json!({"location": "South quay"})).data()["location_en"], "South quay");
        assert_eq!(client.put(&path, &json!({"location": "North quay"})).status, 200);
        let checklist_path = format!("/api/checklists/{}", template.id);
        client.put(&checklist_path, client.get(&format!("{checklist_path}?lang=ar")).data()).data();
        assert_eq!(client.get(&checklist_path).data()["name"], "Crane check");
        let item_path = format!("{checklist_path}/items/{}", checklist.data()["items"][1]["id"]);
        let item = client.get(&format!("{checklist_path}?lang=ar")).data()["items"][1].clone();
        assert_eq!(client.put(&item_path, &item).data()["question_text"], "Do the lights work?");
        let defect_path = format!("/api/defects/{}", client.get("/api/defects").data()[0]["id"]);
        let sent_back = client.put(&defect_path, client.get(&format!("{defect_path}?lang=ar")).data());
        assert_eq!(sent_back.data()["description"], "Failed: Are the brakes sound?");

        let plain = builders::equipment_with(&site.db, &site.context, |body| body["location_ar"] = json!(null));
        assert_eq!(location(reader.get(&format!("/api/equipment/{}", plain.id))), "North quay", "else the original");
    }
}
